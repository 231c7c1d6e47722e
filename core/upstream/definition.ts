/** A named group of servers as the configuration describes it, before any connection exists. */

import type { HashOptions } from "../balance/hash.ts";
import type { BalancerName } from "../balance/names.ts";
import type { AdminState, HealthDefinition } from "../health/definition.ts";
import type { Address } from "../runtime.ts";
import type { BreakerCaps } from "./breaker.ts";
import type { HashPart } from "./hash-key.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface UpstreamDefinition {
  readonly name: string;
  /** Those whose address is in the configuration. */
  readonly servers: readonly ServerDefinition[];
  /** All of them, when some have to be found (`discovery.ts`). */
  readonly sources?: readonly ServerSource[];
  readonly balance: BalanceDefinition;
  /** Left out: nobody is kept at a server. */
  readonly sticky?: StickyDefinition;
  /** How long a server that comes back or joins takes to get its whole share. Left out: it has it at once. */
  readonly slowStartMs?: number;
  readonly timeouts: UpstreamTimeouts;
  readonly pool: PoolDefinition;
  /** Left out: what holds for an upstream that says nothing about health. */
  readonly health?: HealthDefinition;
  /** Left out: DEFAULT_RETRIES. */
  readonly retries?: RetryPolicy;
  /** Without a response for so long, an idempotent request goes to a second server, too. Left out: never. */
  readonly hedgeAfterMs?: number;
  /** Left out: no caps. */
  readonly breaker?: BreakerCaps;
}

/** A name, or what is hashed and how. */
export type BalanceDefinition = BalancerName | HashDefinition;

export interface HashDefinition extends HashOptions {
  readonly part: HashPart;
}

export interface StickyDefinition {
  readonly cookie: string;
  /** Signs the cookie. Never shown. */
  readonly secret: string;
  /** Null for as long as the browser is open. */
  readonly maxAgeSeconds: number | null;
}

export interface ServerDefinition {
  /** As written, for logs: `app2.internal:9002`, `unix:/run/app.sock`. */
  readonly label: string;
  readonly address: Address;
  /** 1 to 1000 relative to the others. */
  readonly weight: number;
  /** Connections at once; Infinity for no limit. Requests beyond go to another server, or wait in the queue. */
  readonly connectionsMax: number;
  /** What it begins with; `ready` when left out. */
  readonly state?: AdminState;
  /** Servers with a higher number get what those with a lower one can't carry; 0 when left out. */
  readonly priority?: number;
  /** Only chosen when no other may be. */
  readonly isBackup?: boolean;
}

/** What may stand in a list of servers, also in one that is a file. */
export type ListedSource =
  | { readonly kind: "static"; readonly server: ServerDefinition }
  /** Each address of the name is a server; the host of `server.address` is the name. */
  | { readonly kind: "name"; readonly server: ServerDefinition }
  /** Host, port, weight and priority come from SRV records; `server` says the rest. */
  | { readonly kind: "service"; readonly name: string; readonly server: ServerDefinition };

export type ServerSource =
  | ListedSource
  /** A file that holds such a list and is watched. */
  | { readonly kind: "file"; readonly path: string };

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
