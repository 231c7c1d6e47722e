/** What servers say, unasked, before they close a connection that has rested for too long (RFC 9110 section 15.5.9). */

import { equalsText } from "../bytes/ascii.ts";

const BEGINNINGS = ["HTTP/1.1 408", "HTTP/1.0 408"];

/** Else it is a body, maybe, that belongs to the response before. */
export function isGoodbye(bytes: Uint8Array, start: number, end: number): boolean {
  return BEGINNINGS.some((said) => equalsText(bytes, start, Math.min(start + said.length, end), said));
}
