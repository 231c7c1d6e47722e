/** The balancers by the name that `balance:` uses. */

import type { Balancer, BalancerTools } from "./balancer.ts";
import { createLeastBusy } from "./least-busy.ts";
import { createLeastTime } from "./least-time.ts";
import type { BalancerName } from "./names.ts";
import { createPeakEwma } from "./peak-ewma.ts";
import { createRandom } from "./random.ts";
import { createRoundRobin } from "./round-robin.ts";
import { createTwoChoices } from "./two-choices.ts";

export const BALANCERS: Readonly<Record<BalancerName, (tools: BalancerTools) => Balancer>> = Object.freeze({
  "two-choices": createTwoChoices,
  "round-robin": createRoundRobin,
  random: createRandom,
  "least-busy": createLeastBusy,
  "peak-ewma": createPeakEwma,
  "least-time": createLeastTime,
});
