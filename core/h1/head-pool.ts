/** Request heads not in use, so that idle connections hold none and busy ones make none. */

import { RequestHead } from "../http/message.ts";

const HEADS_KEPT_MAX = 256;
const heads: RequestHead[] = [];

export function takeHead(): RequestHead {
  return heads.pop() ?? new RequestHead();
}

/** Nobody may read from `head` any more. */
export function giveHead(head: RequestHead): void {
  head.clear();
  if (heads.length < HEADS_KEPT_MAX) heads.push(head);
}
