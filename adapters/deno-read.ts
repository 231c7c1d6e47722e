/**
 * Reads of TCP past Deno's operations into room that all sockets share, and out of it; and chunks that come back, of
 * every socket.
 */
import type { Socket } from "../core/runtime.ts";
import { isWritten, type LargeBuffer, release, takeLarge } from "./deno-buffers.ts";
import { sendWaiting } from "./late-writes.ts";
import { SMALL_BYTES, SmallChunks } from "./small-chunks.ts";

export const smallChunks: SmallChunks = new SmallChunks(isWritten);

let room: LargeBuffer = takeLarge();

/** Where the next read goes, of whichever socket. */
export function readRoom(): Uint8Array {
  return room.whole.bytes;
}

/**
 * Hands over what a read of `socket` has left there, which is the receiver's. If it keeps that, there is another room for
 * the next.
 */
export function deliverRead(socket: Socket, length: number): void {
  const { whole } = room;
  if (length <= SMALL_BYTES) {
    const start = smallChunks.copy(whole, length);
    socket.handler.onData(socket, smallChunks.bytes, start, start + length);
    return;
  }
  room = takeLarge();
  socket.handler.onData(socket, whole.bytes, 0, length);
}

/** Nobody looks at a chunk any more, by what it lies in. */
export function releaseRead(bytes: Uint8Array): void {
  if (smallChunks.release(bytes)) return;
  sendWaiting(); // which may be a part of it
  release(bytes);
}
