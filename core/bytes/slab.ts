/**
 * Memory for bytes on their way out. What is written belongs to the adapter from then on and can't be reused, and
 * an allocation per head costs more than the head; so heads are cut from one shared block:
 *
 *     | written, the adapter's | pending of outbox A | free ............ |
 *     0                                            used            length
 *
 * Nothing is ever handed out twice; a full block is dropped and collected when its last piece is on the wire.
 */

import { copyBytes } from "./text.ts";

const BLOCK_BYTES = 64 * 1024;

export class Slab {
  bytes: Uint8Array = new Uint8Array(BLOCK_BYTES);
  used = 0;

  /** Makes sure `length` more bytes follow `used`, in a new block if need be. */
  reserve(length: number): void {
    if (this.used + length <= this.bytes.length) return;
    // Twice what is wanted: an outbox that keeps growing moves here again only when it has doubled.
    this.bytes = new Uint8Array(Math.max(BLOCK_BYTES, 2 * length));
    this.used = 0;
  }

  /** A copy of `source[start, end)` that stays as it is: answers where in `bytes` it begins. */
  keep(source: Uint8Array, start: number, end: number): number {
    this.reserve(end - start);
    const at = this.used;
    this.used = copyBytes(source, start, end, this.bytes, at);
    return at;
  }
}
