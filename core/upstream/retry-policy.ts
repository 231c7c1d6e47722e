/** What an upstream's configuration says about second tries. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import {
  RETRY_ATTEMPTS,
  RETRY_BACKOFF_BASE_MS,
  RETRY_BACKOFF_MAX_MS,
  RETRY_BUDGET_PER_SECOND,
  RETRY_BUDGET_SHARE,
} from "../limits.ts";

/** Ways for a try to fail without a response. */
export const RETRY_REASONS = ["connect", "broken", "timeout", "bad-response"] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];

export interface RetryPolicy {
  /** Tries after the first one; those that replace a stale connection are not counted. */
  readonly attemptsMax: number;
  readonly reasons: readonly RetryReason[];
  /** Responses with these are as good as failures while another try is allowed. */
  readonly statuses: readonly number[];
  /** For each try, until the head of its response; Infinity leaves it to the other deadlines. */
  readonly perTryMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Further tries allowed per request on average, and per second beside them. */
  readonly budgetShare: number;
  readonly budgetPerSecond: number;
  /** Tries again what must not be done twice. Whoever turns this on says that here it may. */
  readonly repeatsUnsafe: boolean;
}

export const DEFAULT_RETRIES: RetryPolicy = Object.freeze({
  attemptsMax: RETRY_ATTEMPTS,
  reasons: Object.freeze<RetryReason[]>(["connect", "broken"]) as readonly RetryReason[],
  statuses: Object.freeze([502, 503, 504]) as readonly number[],
  perTryMs: Number.POSITIVE_INFINITY,
  backoffBaseMs: RETRY_BACKOFF_BASE_MS,
  backoffMaxMs: RETRY_BACKOFF_MAX_MS,
  budgetShare: RETRY_BUDGET_SHARE,
  budgetPerSecond: RETRY_BUDGET_PER_SECOND,
  repeatsUnsafe: false,
});

/** The kind of a failure; null for one that no other try would mend. */
export function retryReasonOf(reason: Fault): RetryReason | null {
  switch (reason) {
    case fault.CONNECT_REFUSED:
    case fault.NO_SOCKET:
    case fault.CONNECT_DENIED:
    case fault.CONNECT_FAILED:
    case fault.CONNECT_TIMEOUT:
    case fault.UNREACHABLE:
    case fault.NO_LOCAL_PORT: // towards this server; to another one there may be some
      return "connect";
    case fault.UPSTREAM_CLOSED:
    case fault.UPSTREAM_RESET:
    case fault.RESPONSE_TRUNCATED:
      return "broken";
    case fault.FIRST_BYTE_TIMEOUT:
    case fault.TRY_TIMEOUT:
    case fault.UPSTREAM_SEND_TIMEOUT:
      return "timeout";
    default:
      return fault.isUpstreamRefusal(reason) ? "bad-response" : null;
  }
}

/** Full jitter: anything from 0 to a bound that doubles with each try. `random` is in [0, 1). */
export function backoffMs(policy: RetryPolicy, retry: number, random: number): number {
  return random * Math.min(policy.backoffMaxMs, policy.backoffBaseMs * (2 ** retry - 1));
}
