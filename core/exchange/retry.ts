/** Whether a failed try may be followed by another one, and where. A pure function of what happened. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { type RetryPolicy, retryReasonOf } from "../upstream/retry-policy.ts";

export interface FailedTry {
  /** How it failed; null when it was answered, with `status`. */
  readonly fault: Fault | null;
  readonly status: number;
  /** The request, or a part of it, may have reached the server. */
  readonly wasSent: boolean;
  /** The connection had served a request before. */
  readonly isReused: boolean;
  /** Anything of a response was received, be it half a head. */
  readonly hasHeard: boolean;
  /** Anything of a response went to the client, be it an interim one other than 100. */
  readonly hasForwarded: boolean;
  /** Doing it twice is as good as once, or somebody has said so. */
  readonly isRepeatable: boolean;
  /** All of the request can be sent again. */
  readonly isReplayable: boolean;
  /** Further tries so far that were counted. */
  readonly retries: number;
}

export type NextTry =
  | "none"
  /** The same server, on a new connection, at no charge. */
  | "fresh"
  /** Another server at once, or none: this one does not accept connections. */
  | "elsewhere"
  /** After a moment, another server if there is one. */
  | "anywhere";

export function nextTry(failed: FailedTry, policy: RetryPolicy): NextTry {
  if (failed.hasForwarded) return "none";
  // Nobody knows whether the server acted on what it was sent (RFC 9110 section 9.2.2).
  if (failed.wasSent && !(failed.isRepeatable && failed.isReplayable)) return "none";
  if (isStale(failed)) return "fresh";
  if (failed.retries >= policy.attemptsMax) return "none";
  if (failed.fault === null) return policy.statuses.includes(failed.status) ? "anywhere" : "none";
  const reason = retryReasonOf(failed.fault);
  if (reason === null || !policy.reasons.includes(reason)) return "none";
  return reason === "connect" ? "elsewhere" : "anywhere";
}

/** A pooled connection that the server closed just as we used it says nothing about the server. */
export function isStale(failed: Pick<FailedTry, "fault" | "isReused" | "hasHeard">): boolean {
  const isLost = failed.fault === fault.UPSTREAM_CLOSED || failed.fault === fault.UPSTREAM_RESET;
  return isLost && failed.isReused && !failed.hasHeard;
}
