/**
 * For runtimes that read every chunk into memory of its own: frees it as soon as the owner releases the chunk, long
 * before the garbage collector would, so that the next read finds it still warm.
 */

import { sendWaiting } from "./late-writes.ts";

/** Below, the collector is cheaper. */
const FREED_BYTES_MIN = 16 * 1024;

/** ES2024: moves the memory elsewhere, or frees it when asked for none. Node 20 has no such thing. */
interface Transferable {
  transfer?(length: number): unknown;
}

/** What a queue, ours or the runtime's, still writes from. The collector frees it some day. */
const queued = new WeakSet<ArrayBufferLike>();

/** The kernel has not taken all of `bytes`: their memory must stay. */
export function keepMemory(bytes: Uint8Array): void {
  queued.add(bytes.buffer);
}

/** See `Runtime.isWritten`. */
export function isWritten(memory: Uint8Array): boolean {
  return sendWaiting() && !queued.has(memory.buffer);
}

/** Frees the memory behind a chunk nobody looks at any more, if it may be; whether it did. */
export function freeMemory(chunk: Uint8Array): boolean {
  if (chunk.length < FREED_BYTES_MIN) return false;
  const memory = chunk.buffer as ArrayBufferLike & Transferable;
  if (memory.byteLength !== chunk.length || memory.transfer === undefined) return false;
  if (!isWritten(chunk)) return false;
  memory.transfer(0);
  return true;
}
