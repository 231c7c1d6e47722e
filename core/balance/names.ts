/** The names that `balance:` and `--balance` know. Apart from what they stand for, which the command line need not load. */

/** Those of `registry.ts`. */
export const BALANCER_NAMES = [
  "two-choices",
  "round-robin",
  "random",
  "least-busy",
  "peak-ewma",
  "least-time",
] as const;

export type BalancerName = (typeof BALANCER_NAMES)[number];

/** By the client's address a hash chooses. */
export const BALANCE_NAMES = [...BALANCER_NAMES, "client-address"] as const;

export type BalanceName = (typeof BALANCE_NAMES)[number];
