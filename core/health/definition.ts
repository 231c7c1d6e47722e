/** How the servers of a group are watched, as the configuration describes it. */

import {
  EJECTION_BASE_MS,
  EJECTION_FAILURES,
  EJECTION_MAX_MS,
  EJECTION_SHARE_MAX,
  OUTLIER_DEVIATIONS,
  OUTLIER_REQUESTS_MIN,
  OUTLIER_SERVERS_MIN,
  PANIC_SHARE,
} from "../limits.ts";

export interface HealthDefinition {
  /** Null: traffic alone shows how servers are. */
  readonly check: CheckDefinition | null;
  readonly agent: AgentDefinition | null;
  /** Null: nobody is put out for failing. */
  readonly ejection: EjectionDefinition | null;
  /** With a smaller share of healthy servers all are candidates; 0 never. */
  readonly panicShare: number;
}

/** Plain data, so that equal checks can be found and shared. */
export interface CheckDefinition {
  readonly kind: "http" | "tcp";
  readonly intervalMs: number;
  /** While it is not sure whether the server is up or down. */
  readonly fastIntervalMs: number;
  /** Of the whole check. */
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
  /** 0 to 1: by how much of an interval the next check may come earlier or later. */
  readonly jitter: number;
  /** Null: the port that traffic goes to. */
  readonly port: number | null;
  /** Null with `tcp`, where an accepted connection is all that is asked for. */
  readonly http: HttpCheckDefinition | null;
}

export interface HttpCheckDefinition {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Null: the server's own address. */
  readonly host: string | null;
  readonly fields: readonly (readonly [string, string])[];
  /** First and last of each range, both included. */
  readonly statuses: readonly (readonly [number, number])[];
  /** Null: the body is not looked at. */
  readonly body: BodyExpectation | null;
}

export type BodyExpectation =
  | { readonly kind: "contains"; readonly text: string }
  /** RE2 syntax. */
  | { readonly kind: "regex"; readonly source: string };

export interface AgentDefinition {
  readonly port: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface EjectionDefinition {
  /** This many failures in a row put a server out. */
  readonly failures: number;
  /** The n-th ejection in a row lasts n times as long, up to the limit. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0 to 1: of a group at most this much is out at once, but always one of several. */
  readonly shareMax: number;
  /** Null: success rates are not compared. */
  readonly outliers: OutlierDefinition | null;
}

export interface OutlierDefinition {
  /** A server with fewer requests in an interval is not judged by them. */
  readonly requestsMin: number;
  /** With fewer such servers nobody is. */
  readonly serversMin: number;
  /** How many standard deviations below the mean is too far. */
  readonly deviations: number;
}

/** What an operator, or the server's agent, decides about a server whatever its health. */
export type AdminState = "ready" | "drain" | "maintenance";

export const DEFAULT_OUTLIERS: OutlierDefinition = Object.freeze({
  requestsMin: OUTLIER_REQUESTS_MIN,
  serversMin: OUTLIER_SERVERS_MIN,
  deviations: OUTLIER_DEVIATIONS,
});

export const DEFAULT_EJECTION: EjectionDefinition = Object.freeze({
  failures: EJECTION_FAILURES,
  baseMs: EJECTION_BASE_MS,
  maxMs: EJECTION_MAX_MS,
  shareMax: EJECTION_SHARE_MAX,
  outliers: DEFAULT_OUTLIERS,
});

/** What holds for an upstream that says nothing about health. */
export const DEFAULT_HEALTH: HealthDefinition = Object.freeze({
  check: null,
  agent: null,
  ejection: DEFAULT_EJECTION,
  panicShare: PANIC_SHARE,
});
