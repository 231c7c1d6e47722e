/** Whoever keeps upstream connections, and what one request on them goes by. */

import type { Slab } from "../bytes/slab.ts";
import type { Limits, Timeouts } from "../limits.ts";
import type { Timers } from "../time/timers.ts";
import type { HeadBounds } from "./parse-head.ts";

export interface ClientOwner<Connection> {
  readonly timers: Timers;
  readonly slab: Slab;
  readonly poolIdleMs: number;
  /** The server has sent a body behind a response to HEAD, a 204 or a 304, where none may be. */
  onStrayBody?(): void;
  /** The connection is gone, whether it was idle or not. */
  onConnectionClosed(connection: Connection): void;
}

/** What one cycle goes by. */
export interface CycleRules {
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly responseBounds: HeadBounds;
}
