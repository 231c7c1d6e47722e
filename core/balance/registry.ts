/** The balancers by the name that `balance:` uses. */

import type { Balancer } from "./balancer.ts";
import { createLeastBusy } from "./least-busy.ts";
import { createRoundRobin } from "./round-robin.ts";

export const BALANCERS: Readonly<Record<string, () => Balancer>> = Object.freeze({
  "round-robin": createRoundRobin,
  "least-busy": createLeastBusy,
});

export const DEFAULT_BALANCER = "round-robin";
