/** What an upstream wants its servers to be chosen by: one for each of its tiers, as balancers keep tables. */

import type { Balancer, BalancerTools } from "../balance/balancer.ts";
import { createHash } from "../balance/hash.ts";
import { BALANCERS } from "../balance/registry.ts";
import type { UpstreamDefinition } from "./definition.ts";

export function balancerOf(
  { name, balance }: Pick<UpstreamDefinition, "name" | "balance">,
  tools: BalancerTools,
): () => Balancer {
  if (typeof balance !== "string") return () => createHash(balance, tools);
  const create = BALANCERS[balance];
  if (create === undefined) throw new Error(`upstream ${name}: unknown balancer`);
  return () => create(tools);
}
