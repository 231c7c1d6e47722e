/** Whoever accepted a client connection: gives its requests a handler, and says what it goes by. */

import type { Slab } from "../bytes/slab.ts";
import type { Fault } from "../fault.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestHandler } from "../http/wire.ts";
import type { Limits, Timeouts } from "../limits.ts";
import type { Timers } from "../time/timers.ts";
import type { HeadBounds } from "./parse-head.ts";

export interface ServerOwner {
  readonly timers: Timers;
  readonly slab: Slab;
  /** Those in force when the next request begins. */
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly requestBounds: HeadBounds;
  /** False while draining or full: the response says that it is the last. `isFirst`: of this connection. */
  keepsConnection(isFirst: boolean): boolean;
  /** A request whose head obeys the rules. The handler is told about body and end after this returns. */
  openExchange(head: RequestHead): RequestHandler;
  /** Bytes that are no request: answer with `fault.status`, then the connection closes. `head` holds what was read. */
  refuse(fault: Fault, head: RequestHead): void;
  onConnectionClosed(): void;
}
