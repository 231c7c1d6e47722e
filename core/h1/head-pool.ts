/** Request heads not in use, so that idle connections hold none and busy ones make none. */

import { RequestHead } from "../http/message.ts";
import type { Socket } from "../runtime.ts";

const HEADS_KEPT_MAX = 256;
const heads: RequestHead[] = [];

export function takeHead(): RequestHead {
  return heads.pop() ?? new RequestHead();
}

/**
 * For one that will be looked at for long: the chunk it came in, with what others have beside it, goes back. Unless it
 * `isUnread`: a pipelined request is in it.
 */
export function setApart(head: RequestHead, socket: Socket, isUnread: boolean): void {
  head.moveOut();
  if (head.chunk !== null && !isUnread) socket.release(head.chunk);
  head.chunk = null;
}

/** Nobody may read from `head` any more. The chunk it came in goes back, too, unless it `isUnread`. */
export function giveHead(head: RequestHead, socket: Socket, isUnread: boolean): void {
  if (head.chunk !== null && !isUnread) socket.release(head.chunk);
  head.clear();
  if (heads.length < HEADS_KEPT_MAX) heads.push(head);
}
