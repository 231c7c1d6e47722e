/** The balancers by the name that `balance:` uses. */

import type { Balancer } from "./balancer.ts";
import { createLeastBusy } from "./least-busy.ts";
import { createRoundRobin } from "./round-robin.ts";

export const BALANCER_NAMES = ["round-robin", "least-busy"] as const;

const BY_NAME: Record<(typeof BALANCER_NAMES)[number], () => Balancer> = {
  "round-robin": createRoundRobin,
  "least-busy": createLeastBusy,
};

export const BALANCERS: Readonly<Record<string, () => Balancer>> = Object.freeze(BY_NAME);
