/**
 * Node asks the kernel about a connection only while it reads or writes (libuv of Node 20 and 24): a client that resets its
 * connection while it is held is not heard. A write of no bytes fails then. Bun hears of it; Deno 2.9 leaves such a write out.
 */

import type { Duplex } from "node:stream";

const PROBE_MS = 1_000;
const NOTHING = new Uint8Array(0);
const isNode = !("Deno" in globalThis) && !("Bun" in globalThis);

export class ResetProbe {
  readonly #socket: Duplex;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** From now on it is not read from. */
  start(): void {
    if (!isNode || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#probe(), PROBE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #probe(): void {
    const socket = this.#socket;
    // What waits to be written finds it out by itself.
    if (!socket.writable || socket.writableLength > 0) return;
    if (hasNoPeer(socket)) socket.destroy();
    else socket.write(NOTHING);
  }
}

/** TLS keeps for itself what becomes of a write of no bytes (Node 20 and 24), but the kernel names no peer behind a reset. */
function hasNoPeer(socket: Duplex): boolean {
  const { _handle: handle } = socket as { _handle?: { getpeername?(into: object): number } | null };
  return handle?.getpeername !== undefined && handle.getpeername({}) !== 0;
}
