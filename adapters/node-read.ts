/** Reads into room that all sockets share, and out of it. */
import type { Socket } from "../core/runtime.ts";
import { freeMemory, isWritten } from "./chunk-memory.ts";
import { countRead } from "./node-garbage.ts";
import { ReadRoom, SMALL_BYTES, SmallChunks } from "./small-chunks.ts";

/** A piece of 64 KiB, as servers like to send them, and the head in front of it come in one read. */
const READ_BYTES = 80 * 1024;

const room = new ReadRoom(READ_BYTES);

/** What was read is copied out before the next read. */
export const READ_ROOM: Uint8Array = room.bytes;

const smallChunks = new SmallChunks(isWritten);

/** Hands over what a read of `socket` has left in `READ_ROOM`. */
export function deliverRead(socket: Socket, length: number): void {
  if (length <= SMALL_BYTES) {
    const start = smallChunks.copy(room, length);
    socket.handler.onData(socket, smallChunks.bytes, start, start + length);
    return;
  }
  countRead(length);
  // In memory of its own, without the zeros that `new Uint8Array` would write first.
  const copy = Buffer.allocUnsafeSlow(length);
  copy.set(length === READ_BYTES ? READ_ROOM : READ_ROOM.subarray(0, length));
  socket.handler.onData(socket, copy, 0, length);
}

/** Nobody looks at a chunk any more, by what it lies in. */
export function releaseRead(bytes: Uint8Array): void {
  const { length } = bytes;
  if (!smallChunks.release(bytes) && freeMemory(bytes)) countRead(-length);
}
