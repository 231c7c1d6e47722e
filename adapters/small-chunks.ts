/**
 * Reads into a buffer that is used again must be copied out. Small ones go side by side into shared blocks, so that
 * neither an allocation nor a buffer of full size goes with each.
 */

/** What counts as small; a request head fits. */
export const SMALL_BYTES = 4096;
const BLOCK_BYTES = 65536;

let block = new Uint8Array(BLOCK_BYTES);
let blockUsed = 0;

/** A copy of `source[0, length)`, which nobody else has; at most `SMALL_BYTES`. */
export function smallCopy(source: Uint8Array, length: number): Uint8Array {
  const copy = carve(length);
  copy.set(length === source.length ? source : source.subarray(0, length));
  return copy;
}

/** Room for `length` bytes, never handed out before. A small view that is kept for long keeps its whole block. */
export function carve(length: number): Uint8Array {
  if (blockUsed + length > BLOCK_BYTES) {
    block = new Uint8Array(BLOCK_BYTES);
    blockUsed = 0;
  }
  const start = blockUsed;
  blockUsed += length;
  return block.subarray(start, blockUsed);
}
