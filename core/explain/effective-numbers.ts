/** Timeouts and limits that hold for a request, and who has said so. */

import type { RoutePlan } from "../exchange/deployment.ts";
import type { Snapshot } from "../exchange/snapshot.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Limits, type Timeouts } from "../limits.ts";
import type { Route } from "../route/compile-route.ts";

export interface EffectiveNumber {
  /** As the configuration calls it: `connect`. */
  readonly name: string;
  /** Milliseconds, bytes or a count; null: unlimited. */
  readonly value: number | null;
  readonly from: "default" | "configuration" | "upstream" | "route";
}

export function timeoutsOf({ definition }: Route, plan: RoutePlan, { timeouts }: Snapshot): EffectiveNumber[] {
  const ofUpstream = plan.group?.definition.timeouts;
  const upstream: Partial<Record<keyof Timeouts, number | null>> = {
    connectMs: ofUpstream?.connectMs ?? null,
    firstByteMs: ofUpstream?.firstByteMs ?? null,
    responseIdleMs: ofUpstream?.idleMs ?? null,
  };
  const ofRequest = (Object.keys(DEFAULT_TIMEOUTS) as (keyof Timeouts)[]).map((key): EffectiveNumber => {
    const isRoutes = Object.hasOwn(definition.timeouts, key);
    const isUpstreams = upstream[key] !== undefined && upstream[key] !== null;
    const isQueue = key === "queueMs" && plan.group !== null && plan.timeouts.queueMs !== timeouts.queueMs;
    const from = isRoutes
      ? "route"
      : isUpstreams || isQueue
        ? "upstream"
        : fromOf(timeouts[key], DEFAULT_TIMEOUTS[key]);
    return { name: key.replace(/Ms$/, ""), value: finite(plan.timeouts[key]), from };
  });
  return [...ofRequest, ...ofTries(plan)];
}

/** Those of each try: off unless the upstream has them. */
function ofTries({ group }: RoutePlan): EffectiveNumber[] {
  if (group === null) return [];
  const numbers = { perTry: group.retries.perTryMs, hedge: group.hedgeAfterMs };
  return Object.entries(numbers).flatMap(([name, value]) =>
    Number.isFinite(value) ? [{ name, value, from: "upstream" as const }] : [],
  );
}

/** Those that the configuration calls otherwise. */
const NAMES: Partial<Record<keyof Limits, string>> = {
  rateBytesPerSecondMin: "minimumRate",
  trailerBytesMax: "trailers",
};

export function limitsOf(plan: RoutePlan, { limits }: Snapshot): EffectiveNumber[] {
  return (Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]).map((key) => {
    const from = plan.limits[key] === limits[key] ? fromOf(limits[key], DEFAULT_LIMITS[key]) : "route";
    const name = NAMES[key] ?? key.replace(/(Bytes)?Max$/, "");
    return { name, value: finite(plan.limits[key]), from };
  });
}

function fromOf(value: number, byDefault: number): "default" | "configuration" {
  return value === byDefault ? "default" : "configuration";
}

/** Null: unlimited. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
