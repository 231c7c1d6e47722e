/** Request heads not in use, so that idle connections hold none and busy ones make none. */

import { RequestHead } from "../http/message.ts";
import type { Socket } from "../runtime.ts";

const HEADS_KEPT_MAX = 256;
const heads: RequestHead[] = [];

export function takeHead(): RequestHead {
  return heads.pop() ?? new RequestHead();
}

/** Nobody may read from `head` any more. What it came in goes back, too, unless a pipelined request is `unread` in it. */
export function giveHead(head: RequestHead, socket: Socket, unread: Uint8Array): void {
  if (head.chunk !== null && head.chunk !== unread) socket.release(head.chunk);
  head.clear();
  if (heads.length < HEADS_KEPT_MAX) heads.push(head);
}
