/** Who of a group a choice did not fall on for a reason of its own: for traces. Looks, and changes nothing. */

import { TRACE_LOOKED_AT_MAX, TRACE_SKIPPED_MAX, TRACE_TEXT_MAX } from "../limits.ts";
import type { SkippedServer, SkipReason, TraceSkipped } from "../observe/trace.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Tier } from "./tier.ts";

export interface Chosen {
  readonly tiers: readonly Tier[];
  /** Servers the request was sent to before. */
  readonly tried: readonly Endpoint[];
  /** Null: there was nobody. */
  readonly endpoint: Endpoint | null;
  readonly seenAt: TraceSkipped["seenAt"];
  /** However many there are. */
  readonly isAll?: boolean;
}

/** Most often. */
const NONE: readonly SkippedServer[] = [];

/** Whoever is not mentioned was well, and the balancer has preferred somebody else. */
export function skippedServers(endpoints: readonly Endpoint[], chosen: Chosen): TraceSkipped {
  let servers: SkippedServer[] | null = null;
  let looked = 0;
  for (const endpoint of endpoints) {
    const isEnough = looked >= TRACE_LOOKED_AT_MAX || (servers !== null && servers.length >= TRACE_SKIPPED_MAX);
    if (isEnough && chosen.isAll !== true) break;
    looked++;
    const skip = endpoint === chosen.endpoint ? weighed(endpoint) : reasonOf(endpoint, chosen);
    if (skip === null) continue;
    const [reason, detail] = skip;
    servers ??= [];
    servers.push({ server: endpoint.label, reason, detail: detail.slice(0, TRACE_TEXT_MAX) });
  }
  return { of: endpoints.length, servers: servers ?? NONE, isCut: looked < endpoints.length, seenAt: chosen.seenAt };
}

type Skip = readonly [SkipReason, string];

function reasonOf(endpoint: Endpoint, { tiers, tried, endpoint: chosen }: Chosen): Skip | null {
  const { health, tier: rank, connectionsMax, inFlight, isBackup } = endpoint;
  if (!tiers.some((tier) => tier.rank === rank && tier.isAvailable(endpoint))) return absence(endpoint);
  if (tried.includes(endpoint)) return ["tried", "this request was there already"];
  if (endpoint.isFull) return ["full", `${inFlight} requests of ${connectionsMax}`];
  if (chosen !== null && rank > chosen.tier) {
    return isBackup ? ["backup", "only for when no other may be asked"] : ["lower-priority", `priority ${rank}`];
  }
  return health.state === "up" ? weighed(endpoint) : null;
}

function absence({ health }: Endpoint): Skip {
  const { state, reason, isRefusing } = health;
  if (state === "maintenance" || state === "drain" || state === "down" || state === "ejected") return [state, reason];
  if (isRefusing) return ["refusing", "nothing listens there"];
  if (state === "probing") return ["probing", "one request shows first whether it is well again"];
  return ["unavailable", "it was not well when the servers were last looked at"];
}

function weighed({ warmth }: Endpoint): Skip | null {
  return warmth === 1 ? null : ["slow-start", `with ${Math.round(warmth * 100)} % of its weight`];
}
