/**
 * The trace of one request: where it went and why, told afterwards. Holds no query, no value of a header and no byte of
 * a body, for those are secrets. Times are milliseconds; those called `…AfterMs` count from the begin of the request.
 */

import type { Fault } from "../fault.ts";

/** Where one request went, and why. */
export interface Trace {
  readonly requestId: string;
  /**
   * Why it was kept. `failed`: it ended with a fault, or with a status from 500 on, whoever answered that. `retried`: one
   * of its tries failed, and it was answered all the same. `sampled`: none of this.
   */
  readonly kept: "failed" | "retried" | "sampled";
  /** When it came, in milliseconds since 1970. */
  readonly atMs: number;
  readonly listener: string;
  readonly clientAddress: string;
  /** `""` when it was refused before it was read so far; so are the next two. */
  readonly method: string;
  readonly host: string;
  /** Without the query; as received, like the host. */
  readonly path: string;
  /** `""` when no route was found. */
  readonly routeId: string;
  /** `""` where no server was to be asked. */
  readonly upstream: string;
  /** What the path was rewritten to; null: as received. */
  readonly rewrittenPath: string | null;
  readonly edits: TraceEdits;
  readonly hooks: readonly TraceHook[];
  /** In the order they began. */
  readonly tries: readonly TraceTry[];
  /** Beyond those that are kept. */
  readonly triesOmitted: number;
  /** When no try was made: who might have been asked, and why nobody was. */
  readonly skipped: TraceSkipped | null;
  /** Of the upstream, at the end; null where there is none. */
  readonly load: TraceLoad | null;
  /** 0: nothing was answered. */
  readonly status: number;
  readonly fault: Fault | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

/** Names of the fields that the route sets, adds or removes. */
export interface TraceEdits {
  readonly request: readonly string[];
  readonly response: readonly string[];
}

/** One call of a function of the configuration. */
export interface TraceHook {
  readonly hook: string;
  readonly tookMs: number;
  /** `ok`, `answered`, `unanswered` when the request ended, `rested` when it was not called, or how it failed. */
  readonly outcome: string;
}

/** What a try follows on. */
export type TryCause =
  | "first"
  /** The same server again, on a new connection: the kept one was closed, or brought a stray body. */
  | "fresh"
  /** The server before took no connection. */
  | "elsewhere"
  /** After a pause. */
  | "retry"
  /** Beside one that took long. */
  | "hedge";

/** One try of a request at one server. */
export interface TraceTry {
  readonly server: string;
  readonly cause: TryCause;
  /** The balancer's name, or what went before it: `sticky cookie`, `bound connection`, `same server`, `queue`, a hook. */
  readonly chosenBy: string;
  readonly skipped: TraceSkipped;
  readonly beganAfterMs: number;
  /** In the queue for a place; 0: it did not wait. */
  readonly waitedMs: number;
  /** Null: it never had a connection. */
  readonly connection: "reused" | "new" | "bound" | null;
  /** Null: no connection was made for it. Without a connection: until that failed. */
  readonly connectMs: number | null;
  /** Null: without TLS. */
  readonly tlsMs: number | null;
  /** When it had a connection and the request began to be sent; null: never. */
  readonly sentAfterMs: number | null;
  /** From there to the head of the response; null: there was none. Of a request that was not sampled up to 50 ms less. */
  readonly firstByteMs: number | null;
  readonly endedAfterMs: number;
  /** 0: no response. */
  readonly status: number;
  /** The code of the fault it ended with, else `""`. */
  readonly fault: string;
  /** What followed, when it failed. */
  readonly next: TraceNext | null;
}

/** What followed a try that failed. */
export interface TraceNext {
  readonly decision:
    | "none"
    /** The same server, on a new connection, at no charge. */
    | "fresh"
    /** Another server at once, or none: this one does not accept connections. */
    | "elsewhere"
    /** After a moment, another server if there is one. */
    | "anywhere";
  /** Why there was no further try; `""` where there was one. */
  readonly why: string;
  /** As it was when this was decided. */
  readonly load: TraceLoad;
}

/** Whom a choice passed over. */
export interface TraceSkipped {
  /** Servers of the upstream in all. */
  readonly of: number;
  /** Those that did not take part, or did so with less than their weight. */
  readonly servers: readonly SkippedServer[];
  /** There may be more of them. */
  readonly isCut: boolean;
  /** Whether it is as it was at the choice, or as it was found when the try had failed. */
  readonly seenAt: "choice" | "end";
}

/** A server that a choice passed over. */
export interface SkippedServer {
  readonly server: string;
  readonly reason: SkipReason;
  /** More about it, in words. */
  readonly detail: string;
}

/** Why a choice passed a server over. */
export type SkipReason =
  | "maintenance"
  | "drain"
  | "down"
  | "ejected"
  | "probing"
  | "refusing"
  | "unavailable"
  | "tried"
  | "full"
  | "lower-priority"
  | "backup"
  | "slow-start";

/** What bounds further tries, and how much of it is used up. Null: no bound. */
export interface TraceLoad {
  /** Further tries that the budget has left. */
  readonly retryTokens: number;
  readonly inFlight: number;
  readonly inFlightMax: number | null;
  readonly retries: number;
  readonly retriesMax: number | null;
  readonly queued: number;
  readonly queuedMax: number | null;
}

/** Of the configuration. */
export interface TraceRules {
  /** Of the requests that do not fail. */
  readonly sampleShare: number;
  /** 0 keeps none. */
  readonly keep: number;
}

/** Who keeps traces. */
export interface Traces {
  readonly isOn: boolean;
  /** Whether the request that comes now is one of the sample; to be asked once for each. */
  samplesNext(): boolean;
  keep(trace: Trace): void;
}
