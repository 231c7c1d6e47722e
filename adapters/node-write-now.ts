/**
 * A write past the stream's machinery, a request object, a Buffer and several calls for each, where connections are net.Sockets
 * (`node-handle.ts` says where). It took 12 percent of the CPU time of a small request, measured on Node 24. The kernel mostly takes all at once; what it does not take is the stream's to queue.
 */
import { writeSync, writevSync } from "node:fs";
import type { Socket as NetSocket } from "node:net";

/** The descriptor has no public name. Asked for every time: once the socket closes, its number is somebody else's. */
interface Described {
  readonly _handle: { readonly fd?: number } | null;
}

/** How many of `bytes[start, end)` the kernel took. Only while the stream has nothing queued. */
export function writeNow(raw: NetSocket, bytes: Uint8Array, start: number, end: number): number {
  const fd = descriptorOf(raw);
  if (fd < 0) return 0;
  try {
    return writeSync(fd, bytes, start, end - start);
  } catch {
    // EAGAIN, or the peer is gone: the stream tries again, and tells of it as ever.
    return 0;
  }
}

/** The same for two pieces in one system call. */
export function writePairNow(raw: NetSocket, first: Uint8Array, second: Uint8Array): number {
  const fd = descriptorOf(raw);
  if (fd < 0) return 0;
  try {
    return writevSync(fd, [first, second]);
  } catch {
    return 0;
  }
}

/** Below 0 while nothing can be written past the stream: Windows has no descriptors. */
function descriptorOf(raw: NetSocket): number {
  return raw.destroyed || raw.connecting ? -1 : ((raw as unknown as Described)._handle?.fd ?? -1);
}
