/** What an upstream wants its servers to be chosen by: one for each of its tiers, as balancers keep tables. */

import type { Balancer, BalancerTools } from "../balance/balancer.ts";
import { createHash } from "../balance/hash.ts";
import { BALANCERS } from "../balance/registry.ts";
import type { UpstreamDefinition } from "./definition.ts";

export function balancerOf({ balance }: Pick<UpstreamDefinition, "balance">, tools: BalancerTools): () => Balancer {
  return typeof balance === "string" ? () => BALANCERS[balance](tools) : () => createHash(balance, tools);
}
