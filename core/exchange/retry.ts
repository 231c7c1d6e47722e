/** Whether a failed try may be made again. A pure function of what happened. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";

export interface FailedTry {
  readonly fault: Fault;
  /** The connection had served a request before. */
  readonly isReused: boolean;
  readonly isIdempotent: boolean;
  /** All of the request can be sent again. */
  readonly isReplayable: boolean;
  /** Anything of a response was received. */
  readonly hasResponse: boolean;
  readonly retries: number;
}

/**
 * A pooled connection that the server closed just as we used it says nothing about the server: once more, on a fresh
 * one. Never for a method that may not be done twice: nobody knows whether the server had acted on it.
 */
export function mayRetryStale(failed: FailedTry): boolean {
  const isLost = failed.fault === fault.UPSTREAM_CLOSED || failed.fault === fault.UPSTREAM_RESET;
  return (
    isLost &&
    failed.isReused &&
    failed.isIdempotent &&
    failed.isReplayable &&
    !failed.hasResponse &&
    failed.retries === 0
  );
}
