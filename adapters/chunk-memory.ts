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

/** Memory that queues, ours or the runtime's, still write from. */
interface Queued {
  /** Entries of queues. */
  parts: number;
  /** Its owner has done with it. */
  isReleased: boolean;
}

const queued = new WeakMap<ArrayBufferLike, Queued>();

/** The kernel has not taken all of `bytes`: their memory must stay. */
export function keepMemory(bytes: Uint8Array): void {
  const known = queued.get(bytes.buffer);
  if (known === undefined) queued.set(bytes.buffer, { parts: 1, isReleased: false });
  else known.parts++;
}

/** The kernel has taken all of what was kept. Who never hears of it leaves the memory to the collector. */
export function letGoOfMemory({ buffer }: Uint8Array): void {
  const known = queued.get(buffer);
  if (known === undefined || --known.parts > 0) return;
  queued.delete(buffer);
  if (known.isReleased) (buffer as ArrayBufferLike & Transferable).transfer?.(0);
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
  if (!sendWaiting()) return false;
  const known = queued.get(memory);
  if (known === undefined) memory.transfer(0);
  else known.isReleased = true;
  return known === undefined;
}
