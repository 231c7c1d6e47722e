import type { Socket, SocketError, SocketHandler } from "../../../core/runtime.ts";

const PATIENCE_MS = 4000;

/** Keeps what a socket tells, in order, and lets a test wait for it. */
export class Recorder implements SocketHandler {
  /** `data` (runs of it as one), `drain`, `end`, `close`, `close ECONNRESET`… */
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  closed = false;
  /** Set around a call into the adapter: events during it are recorded with a `sync ` in front. */
  insideCall = false;
  /** `memory` is what `bytes` came in, and is released by. */
  onBytes: ((socket: Socket, bytes: Uint8Array, memory: Uint8Array) => void) | null = null;
  onEvent: ((socket: Socket, name: string) => void) | null = null;
  #waiting: { met: () => boolean; resolve: () => void }[] = [];

  onData(socket: Socket, memory: Uint8Array, start: number, end: number): void {
    const bytes = memory.subarray(start, end);
    if (bytes.length === 0) this.events.push("empty data");
    this.chunks.push(bytes);
    this.receivedBytes += bytes.length;
    if (this.events.at(-1) !== "data") this.#note(socket, "data");
    this.onBytes?.(socket, bytes, memory);
    this.#wake();
  }

  onDrain(socket: Socket): void {
    this.#note(socket, "drain");
  }

  onEnd(socket: Socket): void {
    this.#note(socket, "end");
  }

  onClose(socket: Socket, error: SocketError | null): void {
    this.closed = true;
    this.#note(socket, error === null ? "close" : `close ${error.code}`);
  }

  #note(socket: Socket, name: string): void {
    this.events.push(this.insideCall ? `sync ${name}` : name);
    this.onEvent?.(socket, name);
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiting.filter(({ met }) => met())) waiter.resolve();
    this.#waiting = this.#waiting.filter(({ met }) => !met());
  }

  /** Runs `call`, which must not call back. */
  during<T>(call: () => T): T {
    this.insideCall = true;
    try {
      return call();
    } finally {
      this.insideCall = false;
    }
  }

  async until(what: string, met: () => boolean): Promise<void> {
    if (met()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what}: not within ${PATIENCE_MS} ms; events: ${this.events}; ${this.receivedBytes} bytes`));
      }, PATIENCE_MS);
      this.#waiting.push({
        met,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  untilBytes(count: number): Promise<void> {
    return this.until(`${count} bytes`, () => this.receivedBytes >= count);
  }

  untilEvent(name: string): Promise<void> {
    return this.until(name, () => this.events.includes(name));
  }

  untilClosed(): Promise<void> {
    return this.until("close", () => this.closed);
  }

  text(): string {
    return new TextDecoder("latin1").decode(joinedChunks(this.chunks));
  }
}

export function joinedChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Time for what must not happen to happen. */
export function aMoment(ms = 40): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
