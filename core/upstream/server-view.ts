import type { ServerState } from "../health/server-health.ts";
import type { Group } from "./group.ts";

/** A server as it is now, for whoever watches from outside. */
export interface ServerView {
  readonly upstream: string;
  readonly server: string;
  readonly state: ServerState;
  /** Why, in words. */
  readonly reason: string;
  /** Since when, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly failuresInARow: number;
  readonly isRefusing: boolean;
  readonly inFlight: number;
  /** The one in effect. */
  readonly weight: number;
}

/** Of all groups, in their order. */
export function serverViews(groups: ReadonlyMap<string, Group>): ServerView[] {
  return [...groups].flatMap(([upstream, { endpoints }]) =>
    endpoints.map(({ label, health, inFlight, weight }) => ({
      upstream,
      server: label,
      state: health.state,
      reason: health.reason,
      sinceMs: health.sinceMs,
      failuresInARow: health.streak,
      isRefusing: health.isRefusing,
      inFlight,
      weight,
    })),
  );
}
