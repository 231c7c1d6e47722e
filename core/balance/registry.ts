/** The balancers by the name that `balance:` uses. */

import type { Balancer, BalancerTools } from "./balancer.ts";
import { createLeastBusy } from "./least-busy.ts";
import { createRandom } from "./random.ts";
import { createRoundRobin } from "./round-robin.ts";
import { createTwoChoices } from "./two-choices.ts";

export const BALANCER_NAMES = ["two-choices", "round-robin", "random", "least-busy"] as const;

const BY_NAME: Record<(typeof BALANCER_NAMES)[number], (tools: BalancerTools) => Balancer> = {
  "two-choices": createTwoChoices,
  "round-robin": createRoundRobin,
  random: createRandom,
  "least-busy": createLeastBusy,
};

export const BALANCERS: Readonly<Record<string, (tools: BalancerTools) => Balancer>> = Object.freeze(BY_NAME);
