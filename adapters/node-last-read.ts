/**
 * A server that answers early and closes with the request unread makes our next write fail while its answer waits in
 * the kernel's buffer (the usual 413). net.Socket destroys itself on a failed write, and the answer would be lost; so
 * what is there is read before the handle closes.
 */
import { readSync } from "node:fs";
import type { Socket as NetSocket } from "node:net";

/** `_destroy` is where streams let others take part in their end; the descriptor has no public name. */
interface Closing {
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void;
  readonly _handle: { readonly fd?: number } | null;
}

const READ_BYTES_MAX = 64 * 1024;

/** Hands `take` what is left when a write of `raw` has failed, before anybody hears of the failure. */
export function readBeforeWriteError(raw: NetSocket, take: (bytes: Uint8Array) => void): void {
  const closing = raw as unknown as Closing;
  const destroy = closing._destroy;
  closing._destroy = (error, callback) => {
    const fd = closing._handle?.fd;
    if ((error as NodeJS.ErrnoException | null)?.syscall === "write" && fd !== undefined && fd >= 0) readAll(fd, take);
    destroy.call(raw, error, callback);
  };
}

function readAll(fd: number, take: (bytes: Uint8Array) => void): void {
  for (;;) {
    const bytes = new Uint8Array(READ_BYTES_MAX);
    let length = 0;
    try {
      length = readSync(fd, bytes);
    } catch {
      // EAGAIN: nothing more; or the reset itself, which the failed write tells of.
    }
    if (length === 0) return;
    take(bytes.subarray(0, length));
  }
}
