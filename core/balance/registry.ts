/** The balancers by the name that `balance:` uses. */

import type { Balancer, BalancerTools } from "./balancer.ts";
import { createLeastBusy } from "./least-busy.ts";
import { createLeastTime } from "./least-time.ts";
import { createPeakEwma } from "./peak-ewma.ts";
import { createRandom } from "./random.ts";
import { createRoundRobin } from "./round-robin.ts";
import { createTwoChoices } from "./two-choices.ts";

export const BALANCER_NAMES = [
  "two-choices",
  "round-robin",
  "random",
  "least-busy",
  "peak-ewma",
  "least-time",
] as const;

export type BalancerName = (typeof BALANCER_NAMES)[number];

const BY_NAME: Record<BalancerName, (tools: BalancerTools) => Balancer> = {
  "two-choices": createTwoChoices,
  "round-robin": createRoundRobin,
  random: createRandom,
  "least-busy": createLeastBusy,
  "peak-ewma": createPeakEwma,
  "least-time": createLeastTime,
};

export const BALANCERS: Readonly<Record<string, (tools: BalancerTools) => Balancer>> = Object.freeze(BY_NAME);
