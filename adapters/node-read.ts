/** Reads into room that all sockets share, and out of it. */
import { freeMemory, isWritten } from "./chunk-memory.ts";
import { countRead } from "./node-garbage.ts";
import { SMALL_BYTES, SmallChunks } from "./small-chunks.ts";

/** A piece of 64 KiB, as servers like to send them, and the head in front of it come in one read. */
const READ_BYTES = 80 * 1024;

/** What was read is copied out before the next read. */
export const READ_ROOM = new Uint8Array(READ_BYTES);

const smallChunks = new SmallChunks(isWritten);

/** What a read has left in `room`, for whom it is for. */
export function copyRead(room: Uint8Array, length: number): Uint8Array {
  if (length <= SMALL_BYTES) return smallChunks.copy(room, length);
  countRead(length);
  // In memory of its own, without the zeros that `new Uint8Array` would write first.
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(length === room.length ? room : room.subarray(0, length));
  return copy;
}

/** Nobody looks at a chunk any more. */
export function releaseRead(chunk: Uint8Array): void {
  const { length } = chunk;
  if (length <= SMALL_BYTES) smallChunks.release(chunk);
  else if (freeMemory(chunk)) countRead(-length);
}
