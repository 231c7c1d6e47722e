import { IDEMPOTENT } from "./ledger.ts";

/** How one request ended, as its client saw it. */
export type Verdict =
  | "ok"
  /** No connection. */
  | "refused"
  /** The connection was gone before anything of the request was written. */
  | "reset-before-bytes"
  /** The request was written, and nothing of a response came. */
  | "reset-after-request"
  /** The response began and did not end. */
  | "truncated"
  | "wrong-body"
  | "wrong-nonce"
  | "wrong-status"
  /** What came is no HTTP, or nobody had asked for it. */
  | "garbled"
  /** No complete response in time. */
  | "late";

export interface FinishedRequest {
  readonly nonce: string;
  readonly method: string;
  readonly path: string;
  readonly verdict: Verdict;
  readonly status: number;
  readonly retryAfter: string | null;
  /** On the schedule, in ms since the load began. */
  readonly scheduledMs: number;
  /** When it was written first, in ms since the load began. */
  readonly sentMs: number;
  /** From the scheduled time to the end. */
  readonly latencyMs: number;
  /** Sent again by the client, as RFC 9112, section 9.3.1 allows. */
  readonly isRetried: boolean;
  readonly detail: string;
}

/** What a load came to. */
export class LoadReport {
  readonly finished: FinishedRequest[] = [];
  /** Connections on which bytes came that nobody had asked for. */
  unasked = 0;

  get requests(): number {
    return this.finished.length;
  }

  get ok(): number {
    return this.count(({ verdict }) => verdict === "ok");
  }

  get retriedByClient(): number {
    return this.count(({ isRetried }) => isRetried);
  }

  /** All that is not ok. */
  get failures(): FinishedRequest[] {
    return this.finished.filter(({ verdict }) => verdict !== "ok");
  }

  get idempotentFailures(): FinishedRequest[] {
    return this.failures.filter(({ method }) => IDEMPOTENT.has(method));
  }

  count(which: (request: FinishedRequest) => boolean): number {
    return this.finished.reduce((sum, request) => sum + (which(request) ? 1 : 0), 0);
  }

  /** Of the latencies of what is picked; 0 of none. */
  percentileMs(share: number, which: (request: FinishedRequest) => boolean = () => true): number {
    const sorted = this.finished
      .filter(which)
      .map(({ latencyMs }) => latencyMs)
      .sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  /** `wrong-status 503 x 12, late x 1`; "none". */
  summary(failures: readonly FinishedRequest[] = this.failures): string {
    const counts = new Map<string, number>();
    for (const { verdict, status } of failures) {
      const name = verdict === "wrong-status" ? `status ${status}` : verdict;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts.size === 0 ? "none" : [...counts].map(([name, count]) => `${name} x ${count}`).join(", ");
  }
}
