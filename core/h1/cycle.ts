/**
 * What an upstream connection needs for one request and its response, and not in between. Those not in use wait here, the
 * last one given back first in line: what thousands of idle connections would each keep is in no cache when its turn comes.
 */

import { Inbox } from "../bytes/inbox.ts";
import type { Slab } from "../bytes/slab.ts";
import { ResponseHead } from "../http/message.ts";
import type { ResponseHandler } from "../http/wire.ts";
import type { Socket } from "../runtime.ts";
import type { CycleRules } from "./client-owner.ts";
import { BodyDecoder } from "./parse-body.ts";
import { RequestSender } from "./request-sender.ts";

const CYCLES_KEPT_MAX = 256;
const cycles: Cycle[] = [];

export class Cycle {
  readonly inbox = new Inbox();
  readonly sender = new RequestSender();
  readonly head = new ResponseHead();
  readonly decoder = new BodyDecoder();
  /** What `head` lies in, released with it. */
  headChunk: Uint8Array | null = null;
  /** Null once the connection is closed. */
  handler: ResponseHandler | null = null;
  rules: CycleRules | null = null;
  requestMethod = 0;
  isUpgradeAsked = false;
  interims = 0;
  /** Anything came, be it half a head. */
  hasHeard = false;
  /** The socket is gone; only a deferred response outlives it. */
  isLost = false;
  /** The socket is paused. */
  isHeld = false;
  lastMoveMs = 0;
  idleMs = 0;
}

export function takeCycle(socket: Socket, slab: Slab): Cycle {
  const cycle = cycles.pop() ?? new Cycle();
  cycle.sender.begin(socket, slab);
  return cycle;
}

/** The body takes long: what the head came in goes back, with what others have beside it. Whoever handles it may do the same. */
export function setHeadApart(cycle: Cycle, socket: Socket): void {
  cycle.head.moveOut();
  if (cycle.headChunk !== null) socket.release(cycle.headChunk);
  cycle.headChunk = null;
  cycle.handler!.onLong?.();
}

/** After a cycle that left no doubt: of any other a caller further up may be in the middle of reading. */
export function giveCycle(cycle: Cycle, socket: Socket): void {
  cycle.sender.leave();
  cycle.head.clear();
  if (cycle.headChunk !== null) socket.release(cycle.headChunk);
  cycle.headChunk = null;
  cycle.handler = null;
  cycle.rules = null;
  cycle.interims = 0;
  cycle.hasHeard = false;
  if (cycles.length < CYCLES_KEPT_MAX) cycles.push(cycle);
}
