/** A proxy as a program sees it that runs one: what `core/proxy.ts` makes. */

import type { ReloadChanges } from "./exchange/reload-plan.ts";
import type { Snapshot } from "./exchange/snapshot.ts";
import type { AdminState } from "./health/definition.ts";
import type { ListenFailure } from "./listen/listeners.ts";
import type { Observer } from "./observe/events.ts";
import type { Trace } from "./observe/trace.ts";
import type { TraceFilter } from "./observe/trace-ring.ts";
import type { Address, Runtime, Socket } from "./runtime.ts";
import type { CacheCounts } from "./script/cache.ts";
import type { HookView } from "./script/hook-view.ts";
import type { ServerLists } from "./upstream/server-lists.ts";
import type { ServerView } from "./upstream/server-view.ts";

/** What a proxy is made of. */
export interface ProxyOptions {
  readonly runtime: Runtime;
  readonly snapshot: Snapshot;
  /** Told of every finished request; leave it out to watch nothing. */
  readonly observer?: Observer;
  /** Who reads the files that list servers; without, such upstreams have none. */
  readonly serverLists?: ServerLists;
}

/** A running proxy. */
export interface Proxy {
  /** Resolves when every listener listens. Rejects with a ListenFailure, and then listens nowhere. */
  start(): Promise<void>;
  /** Where it really listens, in the order of the configuration. */
  readonly addresses: readonly Address[];
  /** Client connections open now. */
  readonly connectionCount: number;
  /**
   * Serves a connection that came by no listener (`listener` is its name in logs and conditions), under the limits that
   * hold for all; a draining proxy resets it. Before `start` it waits.
   */
  accept(socket: Socket, listener?: string): void;
  /**
   * Goes by another snapshot from now on, in one step, or not at all. Reloads that overlap take turns. Listeners that
   * stay keep their sockets, upstreams that did not change keep everything, requests finish on what they began with;
   * those whose route, server or listener is gone have `timeouts.drain` for it.
   */
  reload(snapshot: Snapshot): Promise<Reloaded | NotReloaded>;
  /**
   * Stops accepting, closes idle connections, lets requests under way finish and closes the rest after `deadlineMs`
   * (default: `timeouts.drain`). Resolves when nothing is left: true when nothing had to be cut off.
   */
  drain(deadlineMs?: number): Promise<boolean>;
  /**
   * What an operator decides about a server, by its name in the configuration: `drain` sends it nothing new,
   * `maintenance` leaves it alone. False: there is no such upstream or server. Outlives reloads that keep the server;
   * one that takes it out of the configuration forgets it.
   */
  setServerState(upstream: string, server: string, state: AdminState): boolean;
  /** Every server of every upstream as it is now. */
  serverStates(): ServerView[];
  /** Where a request went and why, by its id; null when that is not kept, or no longer (`trace` of the configuration). */
  trace(requestId: string): Trace | null;
  /** What is kept of requests, the newest first. */
  traces(filter?: TraceFilter): Trace[];
  /** What `context.cache` of hooks holds, and how it has done since the start. */
  readonly cacheCounts: CacheCounts;
  /** Every hook of the configuration in use: how often it was called, how it failed, whether it rests. */
  hookStates(): HookView[];
  /** Stops at once. Calls of `onFinish` have until their deadlines, then `onUnload`, but neither longer than 5 s. */
  stop(): Promise<void>;
}

/** A reload went through. */
export interface Reloaded {
  readonly changes: ReloadChanges;
}

/** Nothing has changed. */
export interface NotReloaded {
  /** A new listener that could not be opened; null when the proxy is stopping. */
  readonly refused: ListenFailure | null;
}
