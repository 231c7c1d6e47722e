/** Whether a failed try may be followed by another one, and where. A pure function of what happened. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { TraceNext } from "../observe/trace.ts";
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

export function nextTry(failed: FailedTry, policy: RetryPolicy): TraceNext["decision"] {
  if (whyNoOther(failed, policy) !== null) return "none";
  if (isStale(failed)) return "fresh";
  return failed.fault !== null && retryReasonOf(failed.fault) === "connect" ? "elsewhere" : "anywhere";
}

export type WhyNoOther =
  | "response begun"
  | "may not be done twice"
  | "body not kept"
  /** `retries.attempts` */
  | "no attempts left"
  /** `retries.on` */
  | "not in retries.on";

/** Why no other try may follow; null: one may. */
export function whyNoOther(failed: FailedTry, policy: RetryPolicy): WhyNoOther | null {
  if (failed.hasForwarded) return "response begun";
  // Nobody knows whether the server acted on what it was sent (RFC 9110 section 9.2.2).
  if (failed.wasSent && !failed.isRepeatable) return "may not be done twice";
  if (failed.wasSent && !failed.isReplayable) return "body not kept";
  if (isStale(failed)) return null;
  if (failed.retries >= policy.attemptsMax) return "no attempts left";
  const reason = failed.fault === null ? null : retryReasonOf(failed.fault);
  const isWanted = reason === null ? policy.statuses.includes(failed.status) : policy.reasons.includes(reason);
  return isWanted ? null : "not in retries.on";
}

/**
 * A pooled connection that the server closed just as we used it says nothing about the server. Nor does one that brings the
 * body of a response before: nothing has come of this one.
 */
export function isStale(failed: Pick<FailedTry, "fault" | "isReused" | "hasHeard">): boolean {
  const isLost = failed.fault === fault.UPSTREAM_CLOSED || failed.fault === fault.UPSTREAM_RESET;
  return failed.isReused && (isLost ? !failed.hasHeard : failed.fault === fault.STRAY_BODY);
}

/** A request whose server takes long. */
export interface SlowRequest {
  readonly asksUpgrade: boolean;
  /** Anything of a response went to the client, be it an interim one other than 100. */
  readonly hasForwarded: boolean;
  readonly isIdempotent: boolean;
  /** What has come of it can be sent again. */
  readonly isReplayable: boolean;
}

/** Whether a second try may run beside the first. Nothing has failed: that it may be repeated, unsafely, is not enough. */
export function mayHedge({ asksUpgrade, hasForwarded, isIdempotent, isReplayable }: SlowRequest): boolean {
  return !asksUpgrade && !hasForwarded && isIdempotent && isReplayable;
}
