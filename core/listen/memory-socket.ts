/**
 * Two sockets joined in memory, for requests that come from the program around the proxy and not from a listener. They
 * keep every promise of the port, so that nothing else knows the difference:
 *
 *     write → queue of this end, counted in `queuedBytes` ──later──► onData of the other end, while that is resumed
 */

import { copyOf } from "../bytes/text.ts";
import type { Address, Socket, SocketError, SocketHandler, TlsInfo } from "../runtime.ts";

/** How the two ends of a connection in memory behave. */
export interface MemoryPairOptions {
  /** Whom the first end talks to: the address of the listener, as far as there is one. */
  readonly local: Address;
  /** Where the first end's peer comes from: the client's address. */
  readonly peer: Address;
  /** How that client came to the program, when it came by TLS. */
  readonly tls?: TlsInfo | null;
  /** From so many queued bytes on `write` answers false, on both ends. The low mark is half of it. */
  readonly highWaterBytes: number;
  /** Runs a task soon, but never before it returns. No event comes from inside a call. */
  later(task: () => void): void;
}

/** The first end has `peer` as its peer, and is for the proxy; the second one is the client. Both start paused. */
export function memorySocketPair(options: MemoryPairOptions): readonly [Socket, Socket] {
  const { local, peer, tls = null } = options;
  const first = new MemorySocket(options, local, peer, tls);
  const second = new MemorySocket(options, peer, local, null);
  first.partner = second;
  second.partner = first;
  return [first, second];
}

class MemorySocket implements Socket {
  handler: SocketHandler = UNOWNED;
  readonly local: Address;
  readonly peer: Address;
  readonly tls: TlsInfo | null;
  queuedBytes = 0;
  partner: MemorySocket | null = null;
  readonly #options: MemoryPairOptions;
  #queue: Uint8Array[] = [];
  #owesDrain = false;
  #hasEnded = false;
  /** It closes when the other end has read everything. */
  #isLast = false;
  /** `onEnd` was called. */
  #sawEnd = false;
  #isClosed = false;
  /** Why it closed, as `onClose` will tell. */
  #error: SocketError | null = null;
  #isPaused = true;
  #isPumping = false;

  constructor(options: MemoryPairOptions, local: Address, peer: Address, tls: TlsInfo | null) {
    this.#options = options;
    this.local = local;
    this.peer = peer;
    this.tls = tls;
  }

  write(bytes: Uint8Array): boolean {
    return this.writeRange(bytes, 0, bytes.length);
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isClosed || this.#hasEnded || end <= start) return this.#isClosed || this.#hasEnded || !this.#isFull;
    const other = this.partner!;
    if (other.#isClosed) {
      this.#close(RESET_BY_PEER);
      return true;
    }
    // A copy: the writer may have cut the piece from memory that is shared, the reader owns what it gets.
    this.#queue.push(copyOf(bytes, start, end));
    this.queuedBytes += end - start;
    other.#wake();
    if (!this.#isFull) return true;
    this.#owesDrain = true;
    return false;
  }

  writeMore(bytes: Uint8Array, start: number, end: number): void {
    this.writeRange(bytes, start, end);
  }

  release(): void {}

  end(): void {
    if (this.#isClosed || this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.partner!.#isClosed) this.#closeIfDone();
    else this.partner!.#wake();
  }

  endAndClose(): boolean {
    this.#isLast = true;
    this.end();
    this.#closeIfDone();
    return this.#isClosed;
  }

  /**
   * The other end sees an orderly end only if nothing is lost. What was written within the high mark is on its way, as in a
   * kernel: nothing leaves at once here, and what is answered at the end of a drain would never arrive.
   */
  destroy(): void {
    if (this.#isClosed) {
      this.#error = null; // this may cross the other end's reset, and who destroys is not told of that
      return;
    }
    const other = this.partner!;
    const written = this.#queue;
    const isClean = !this.#isFull && other.#queue.length === 0;
    this.#close(null);
    if (!isClean) other.#close(RESET_BY_PEER);
    else {
      this.#queue = written;
      this.#hasEnded = true;
      other.#wake();
    }
  }

  reset(): void {
    if (this.#isClosed) {
      this.#error = null;
      return;
    }
    this.#close(null);
    this.partner!.#close(RESET_BY_PEER);
  }

  pause(): void {
    this.#isPaused = true;
  }

  restReading(): boolean {
    return false;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  get #isFull(): boolean {
    return this.queuedBytes >= this.#options.highWaterBytes;
  }

  /** There is something to read. */
  #wake(): void {
    if (this.#isPumping || this.#isPaused || this.#isClosed) return;
    this.#isPumping = true;
    this.#options.later(() => {
      this.#isPumping = false;
      try {
        this.#pump();
      } catch (error) {
        // A defect of an owner ends this connection and no other, as with the adapters.
        this.reset();
        throw error;
      }
    });
  }

  /** What came before this turn; what comes meanwhile has its own, so that two busy ends leave room for others. */
  #pump(): void {
    const other = this.partner!;
    for (let left = other.#queue.length; left > 0 && !this.#isPaused && !this.#isClosed; left--) {
      const bytes = other.#queue.shift();
      if (bytes === undefined) return;
      if (!other.#isClosed) other.queuedBytes -= bytes.length;
      this.handler.onData(this, bytes, 0, bytes.length);
    }
    other.#drained();
    if (this.#isPaused || this.#isClosed) return;
    if (other.#queue.length > 0) {
      this.#wake();
      return;
    }
    if (other.#hasEnded && !this.#sawEnd) {
      this.#sawEnd = true;
      this.handler.onEnd(this);
    }
    this.#closeIfDone();
    other.#closeIfDone();
  }

  #drained(): void {
    if (!this.#owesDrain || this.#isClosed || this.queuedBytes > this.#options.highWaterBytes / 2) return;
    this.#owesDrain = false;
    this.handler.onDrain(this);
  }

  /** Both directions have ended, or the one that counts. */
  #closeIfDone(): void {
    if (this.#hasEnded && (this.#sawEnd || this.#isLast) && (this.#queue.length === 0 || this.partner!.#isClosed))
      this.#close(null);
  }

  #close(error: SocketError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    this.queuedBytes = 0;
    this.#error = error;
    this.#options.later(() => this.handler.onClose(this, this.#error));
  }
}

const UNOWNED: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
const RESET_BY_PEER: SocketError = {
  code: "ECONNRESET",
  message: "the other end of the connection in memory was reset",
};
