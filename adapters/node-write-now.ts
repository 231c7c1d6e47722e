/**
 * A write past the stream's machinery: a request object, a Buffer and several calls for each, 12 percent of the CPU time of
 * a small request (Node 24). The kernel mostly takes all at once; what it does not take is the stream's to queue.
 */
import { writeSync } from "node:fs";
import type { Socket as NetSocket } from "node:net";

/** The descriptor has no public name. Asked for every time: once the socket closes, its number is somebody else's. */
interface Described {
  readonly _handle: { readonly fd?: number } | null;
}

/** How many of `bytes[start, end)` the kernel took. Only while the stream has nothing queued. */
export function writeNow(raw: NetSocket, bytes: Uint8Array, start: number, end: number): number {
  const fd = (raw as unknown as Described)._handle?.fd;
  if (fd === undefined || fd < 0 || raw.destroyed || raw.connecting) return 0; // Windows has none
  try {
    return writeSync(fd, bytes, start, end - start);
  } catch {
    // EAGAIN, or the peer is gone: the stream tries again, and tells of it as ever.
    return 0;
  }
}
