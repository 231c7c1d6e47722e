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

  /** What waits to be written finds it out by itself. */
  #probe(): void {
    const { writable, writableLength } = this.#socket;
    if (writable && writableLength === 0) this.#socket.write(NOTHING);
  }
}
