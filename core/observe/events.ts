/** What the core tells whoever watches it: one record for every finished request, and notices about the rest. */

import type { Fault } from "../fault.ts";
import type { ResolveError, SocketError } from "../runtime.ts";

/** Is told of every finished request, and of what happens beside them. */
export interface Observer {
  /** True: times are taken for every request. Without, `durationMs` and `firstByteMs` are 0. */
  readonly wantsTimes: boolean;
  /** Exactly once for every request; of those by `context.fetch` only for one that fails. The record is valid during the call only; its texts are made when asked for. */
  onExchange(exchange: FinishedExchange): void;
  onNotice(notice: Notice): void;
}

/** What allows no more client connections. */
export type ConnectionBound = "configuration" | "descriptors" | "memory" | "starting";

/** How a function of the configuration has failed: `blocked` is one that kept all requests waiting. */
export type HookFailure = "threw" | "timeout" | "nonsense" | "blocked";

/** The record of one request, once it is over. */
export interface FinishedExchange {
  readonly requestId: string;
  readonly clientAddress: string;
  /** Of the connection itself, whoever was forwarded by it; 0 on a UNIX socket. */
  readonly clientPort: number;
  readonly method: string;
  /** As received, like the next one: whatever hooks have made of it. */
  readonly host: string;
  /** May hold secrets in its query. */
  readonly target: string;
  readonly protocol: string;
  /** 0 when nothing was answered. */
  readonly status: number;
  /** Bytes of the bodies, and of what went through a tunnel. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  readonly firstByteMs: number;
  readonly listener: string;
  /** `""` when no route was found. */
  readonly routeId: string;
  readonly upstream: string;
  readonly server: string;
  readonly attempts: number;
  /** Null when all went well. */
  readonly fault: Fault | null;
  /** The value of a request field by lower-case name, for log formats. */
  header(name: string): string | null;
}

/** What is announced beside finished requests. */
export type Notice =
  /** A cap of an upstream's `breaker` was reached, or no longer is; `refused` requests or tries met it. */
  | {
      readonly kind: "breaker";
      readonly upstream: string;
      readonly cap: string;
      readonly limit: number;
      readonly isOpen: boolean;
      readonly refused: number;
    }
  /** Bytes that were no request; answered with the fault's status. */
  | {
      readonly kind: "refused";
      readonly listener: string;
      readonly clientAddress: string;
      /** As far as they were read before the fault was met, else `""`. The target may hold secrets in its query. */
      readonly method: string;
      readonly target: string;
      readonly fault: Fault;
      readonly requestId: string;
    }
  | { readonly kind: "accept-failed"; readonly listener: string; readonly error: SocketError }
  /** Accepting has failed, or would: all descriptors are in use. Of so many, or null where nobody can tell. */
  | { readonly kind: "descriptors-exhausted"; readonly listener: string; readonly limit: number | null }
  /** There are `limit` client connections, and no more may be: the connection was closed at once. */
  | {
      readonly kind: "connection-shed";
      readonly listener: string;
      readonly limit: number;
      readonly by: ConnectionBound;
    }
  /** The same, where new connections can be left waiting in the kernel instead. */
  | { readonly kind: "accept-paused"; readonly listener: string; readonly limit: number; readonly by: ConnectionBound }
  /** Memory has become tighter or less so: 0 enough, 1 no kept connections, 2 few requests, 3 few connections. */
  | { readonly kind: "memory"; readonly step: 0 | 1 | 2 | 3; readonly load: number }
  /** `connectionsPerAddressMax` is reached: closed at once, too. */
  | {
      readonly kind: "address-shed";
      readonly listener: string;
      readonly clientAddress: string;
      readonly limit: number;
    }
  /** A server of an upstream has changed its state (`health/server-health.ts`); `reason` says why in words. */
  | {
      readonly kind: "server-state";
      readonly upstream: string;
      readonly server: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  /** So few servers are healthy that all are tried, or enough are again. */
  | {
      readonly kind: "panic";
      readonly upstream: string;
      readonly isPanic: boolean;
      readonly healthy: number;
      readonly servers: number;
    }
  /** What the agent of a server said was no reply, and is ignored. Once until it says something else. */
  | { readonly kind: "agent-malformed"; readonly upstream: string; readonly server: string; readonly reason: string }
  /** A name of servers can't be resolved, for another reason than before; `kept` addresses are still used. */
  | { readonly kind: "name-failed"; readonly name: string; readonly error: ResolveError; readonly kept: number }
  | { readonly kind: "name-resolved"; readonly name: string }
  /** A hook threw, took too long or answered nonsense; `error` says what. */
  | {
      readonly kind: "hook-failed";
      readonly hook: string;
      /** `file:line`, `""` where that is not known. */
      readonly source: string;
      readonly requestId: string;
      readonly failure: HookFailure;
      readonly error: unknown;
      /** From here on it is not called for a while. */
      readonly rests: boolean;
    }
  /** A hook has chosen a target that `allowTargets` does not allow. */
  | {
      readonly kind: "target-refused";
      readonly hook: string;
      /** `file:line`, `""` where that is not known. */
      readonly source: string;
      readonly requestId: string;
      readonly target: string;
    }
  /** `context.log` of a hook. */
  | { readonly kind: "hook-said"; readonly hook: string; readonly requestId: string; readonly text: string }
  /** Loads of `context.cache` failed, so many since the last time this was told. */
  | { readonly kind: "cache-failing"; readonly failures: number; readonly error: unknown }
  /** Of the addresses found only the first are used. */
  | { readonly kind: "name-cut"; readonly name: string; readonly found: number; readonly used: number }
  /** DNS brings an upstream more servers than it may have: only so many of them are used. */
  | { readonly kind: "servers-cut"; readonly upstream: string; readonly used: number }
  /** An upstream has other servers now; labels of those that came and went. */
  | {
      readonly kind: "servers-changed";
      readonly upstream: string;
      readonly servers: number;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    };
