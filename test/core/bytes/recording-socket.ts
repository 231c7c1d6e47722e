import type { Address, Socket, SocketHandler } from "../../../core/runtime.ts";
import { textOfBytes } from "../../../testing/wire.ts";

const NOWHERE: Address = { kind: "tcp", host: "127.0.0.1", port: 1 };

/** Keeps what is written and then spoils the bytes: they belong to the adapter, which may use them again. */
export class RecordingSocket implements Socket {
  handler: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  readonly local = NOWHERE;
  readonly peer = NOWHERE;
  readonly tls = null;
  queuedBytes = 0;
  /** One entry per system call; a pair is written with `+` between its parts. */
  readonly calls: string[] = [];
  /** What the next writes answer. */
  accepts = true;
  isEnded = false;
  /** What goes in front of the next write. */
  #more = "";

  /** All of it, in one. */
  written = "";

  write(bytes: Uint8Array): boolean {
    this.calls.push(this.#more + this.#take(bytes));
    this.#more = "";
    return this.accepts;
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes.subarray(start, end));
  }
  writeMore(bytes: Uint8Array, start: number, end: number): void {
    this.#more = `${this.#take(bytes.subarray(start, end))}\0+\0`;
  }

  release(chunk: Uint8Array): void {
    chunk.fill(0xdd);
  }

  end(): void {
    this.isEnded = true;
  }
  endAndClose(): boolean {
    this.isEnded = true;
    return true;
  }
  destroy(): void {}
  reset(): void {}
  pause(): void {}
  restReading(): boolean {
    return false;
  }
  resume(): void {}

  #take(bytes: Uint8Array): string {
    if (bytes.length === 0) throw new Error("an empty write is a wasted system call");
    if (this.isEnded) throw new Error("a write after end");
    const text = textOfBytes(bytes);
    this.written += text;
    bytes.fill(0xdd);
    return text;
  }
}
