/**
 * Bytes of any length that are the same each time and repeat nowhere, so that a piece lost, doubled or out of order
 * changes their hash. Made piece by piece: nothing is ever held as a whole.
 */

import { createHash } from "node:crypto";

const PIECE_BYTES = 65536;
/** Each block of the piece carries its own number. */
const STAMP_EVERY_BYTES = 4096;

export function* byteStream(length: number): Generator<Buffer> {
  const pattern = Buffer.alloc(PIECE_BYTES);
  // A small linear congruential generator (Numerical Recipes' constants): compressible by nobody, fast enough.
  let state = 1;
  for (let index = 0; index < PIECE_BYTES; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pattern[index] = state >>> 24;
  }
  for (let offset = 0; offset < length; offset += PIECE_BYTES) {
    const piece = Buffer.from(pattern);
    for (let at = 0; at < PIECE_BYTES; at += STAMP_EVERY_BYTES) piece.writeDoubleLE(offset + at, at);
    yield length - offset < PIECE_BYTES ? piece.subarray(0, length - offset) : piece;
  }
}

export function hashOfStream(length: number): string {
  const hash = createHash("sha256");
  for (const piece of byteStream(length)) hash.update(piece);
  return hash.digest("hex");
}
