/** A named group of servers as the configuration describes it, before any connection exists. */

import type { AdminState, HealthDefinition } from "../health/definition.ts";
import type { Address } from "../runtime.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface UpstreamDefinition {
  readonly name: string;
  readonly servers: readonly ServerDefinition[];
  /** A name in the registry of `balance/registry.ts`. */
  readonly balance: string;
  readonly timeouts: UpstreamTimeouts;
  readonly pool: PoolDefinition;
  /** Left out: what holds for an upstream that says nothing about health. */
  readonly health?: HealthDefinition;
  /** Left out: DEFAULT_RETRIES. */
  readonly retries?: RetryPolicy;
  /** Without a response for so long, an idempotent request goes to a second server, too. Left out: never. */
  readonly hedgeAfterMs?: number;
}

export interface ServerDefinition {
  /** As written, for logs: `app2.internal:9002`, `unix:/run/app.sock`. */
  readonly label: string;
  readonly address: Address;
  /** 1 to 1000 relative to the others. */
  readonly weight: number;
  /** Connections at once; Infinity for no limit. Requests beyond wait in the queue. */
  readonly connectionsMax: number;
  /** What it begins with; `ready` when left out. */
  readonly state?: AdminState;
}

/** Null leaves it to the route or the server. */
export interface UpstreamTimeouts {
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly idleMs: number | null;
}

export interface PoolDefinition {
  readonly idleMax: number;
  readonly idleMs: number;
  readonly queueMax: number;
  readonly queueMs: number;
}
