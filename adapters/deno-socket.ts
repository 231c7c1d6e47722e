/**
 * A Deno connection as a socket of the port: pulled with `read` and pushed with `write`, one promise each. Reading into
 * our own buffers is what makes Deno cheap, and what this file has to manage:
 *
 *   read filled the 4K buffer    → it is handed out, the next one has 64K
 *   read brought less than 4K    → the bytes are copied out, the next buffer has 4K
 *   read left the 64K part empty → a view is handed out, the next buffer has 4K
 *   the very view comes back through `write` → its 64K are reused once the kernel has the bytes
 *
 * so that an idle connection waits with a small buffer and a bulk transfer allocates next to nothing.
 */
import type { Address, Socket, SocketError, SocketHandler, TlsInfo } from "../core/runtime.ts";
import { tcpAddress, toSocketError } from "./socket-error.ts";

export type DenoAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

export interface DenoConn {
  readonly localAddr: DenoAddress;
  readonly remoteAddr: DenoAddress;
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
}

const UNOWNED: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

export class DenoSocket implements Socket {
  handler: SocketHandler = UNOWNED;
  readonly tls: TlsInfo | null = null;
  readonly raw: DenoConn;
  readonly highWaterBytes: number;
  paused = true;
  /** `#readAll` is running. */
  reading = false;
  readBuffer: Uint8Array | null = null;
  /** What a read brought after `pause`. */
  held: Uint8Array | null = null;
  /** The peer's FIN was read, and told. */
  ended = false;
  endTold = false;
  /** Not yet given to the kernel. */
  queue: Uint8Array[] = [];
  queuedBytes = 0;
  /** `#writeAll` is running. */
  writing = false;
  needsDrain = false;
  writeError: SocketError | null = null;
  /** `end` was called. */
  finished = false;
  finSent = false;
  closed = false;
  readonly #bound: Address;
  #local: Address | null = null;
  #peer: Address | null = null;

  constructor(raw: DenoConn, highWaterBytes: number, bound: Address) {
    this.raw = raw;
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
  }

  get local(): Address {
    this.#local ??= toAddress(this.raw.localAddr, this.#bound);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= toAddress(this.raw.remoteAddr, this.#bound);
    return this.#peer;
  }

  write(bytes: Uint8Array): boolean {
    if (this.finished) return true;
    if (bytes.length > 0) {
      this.queue.push(bytes);
      this.queuedBytes += bytes.length;
      if (!this.writing) void this.#writeAll();
    }
    if (this.queuedBytes < this.highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes.subarray(start, end));
  }

  writePair(first: Uint8Array, second: Uint8Array): boolean {
    return this.finished || this.write(joined([first, second], first.length + second.length));
  }

  async #writeAll(): Promise<void> {
    this.writing = true;
    try {
      while (this.queue.length > 0) {
        const bytes = this.#nextToWrite();
        let written = 0;
        do {
          const count = await this.raw.write(written === 0 ? bytes : bytes.subarray(written));
          if (this.closed) return;
          written += count;
          this.queuedBytes -= count;
          if (this.needsDrain && this.queuedBytes <= this.highWaterBytes / 2) this.#drained();
        } while (written < bytes.length && !this.closed);
        recycle(bytes);
      }
    } catch (error) {
      this.#writeFailed(toSocketError(error));
      return;
    }
    this.writing = false;
    if (this.finished && !this.closed) await this.#sendFin();
  }

  /** Small pieces that gathered while the last write was under way go out as one. */
  #nextToWrite(): Uint8Array {
    const { queue } = this;
    let count = 0;
    let length = 0;
    for (const bytes of queue) {
      if (length + bytes.length > JOINED_BYTES_MAX) break;
      length += bytes.length;
      count += 1;
    }
    return count < 2 ? (queue.shift() as Uint8Array) : joined(queue.splice(0, count), length);
  }

  /**
   * A peer that answers early and closes makes our writes fail while its answer still waits in the kernel: whoever reads
   * gets that first, and then the error.
   */
  #writeFailed(error: SocketError): void {
    if (this.paused || this.ended) {
      this.#close(error);
      return;
    }
    this.writeError = error;
    this.finished = true;
    this.queue = [];
    this.queuedBytes = 0;
  }

  #drained(): void {
    this.needsDrain = false;
    this.guard(() => this.handler.onDrain(this));
  }

  async #sendFin(): Promise<void> {
    try {
      await this.raw.closeWrite();
    } catch {
      // The peer was faster; reading tells how it ended.
    }
    this.finSent = true;
    if (this.endTold) this.#close(null);
  }

  end(): void {
    if (this.finished) return;
    this.finished = true;
    if (!this.writing) void this.#sendFin();
  }

  destroy(): void {
    this.#close(null);
  }

  reset(): void {
    this.#close(null);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    if (!this.reading) void this.#readAll();
  }

  async #readAll(): Promise<void> {
    this.reading = true;
    if (this.held !== null || this.ended) {
      await null; // never from inside `resume`
      this.#deliverHeld();
    }
    while (!(this.paused || this.closed || this.ended)) {
      let length: number | null;
      try {
        this.readBuffer ??= new Uint8Array(SMALL_BYTES);
        length = await this.raw.read(this.readBuffer);
        if (length === null && this.writeError !== null) throw this.writeError;
      } catch (error) {
        this.#close(toSocketError(error));
        return;
      }
      if (this.closed) return;
      if (length === null) this.ended = true;
      else this.held = this.#taken(length);
      this.#deliverHeld();
    }
    this.reading = false;
  }

  /** The bytes of a read, which belong to the receiver, and a buffer for the next. */
  #taken(length: number): Uint8Array {
    const buffer = this.readBuffer as Uint8Array;
    if (length < SMALL_BYTES) {
      if (buffer.length > SMALL_BYTES) {
        giveLarge(buffer);
        this.readBuffer = null;
      }
      return buffer.slice(0, length);
    }
    this.readBuffer = length === buffer.length ? takeLarge() : null;
    return buffer.length === LARGE_BYTES ? lend(buffer, length) : buffer;
  }

  #deliverHeld(): void {
    if (this.paused || this.closed) return;
    const bytes = this.held;
    try {
      if (bytes !== null) {
        this.held = null;
        this.handler.onData(this, bytes);
      }
      if (!this.ended || this.endTold || this.paused || this.closed) return;
      this.endTold = true;
      this.readBuffer = null;
      this.handler.onEnd(this);
    } catch (error) {
      this.#thrown(error);
    }
    if (this.endTold && this.finSent) this.#close(null);
  }

  /** Every way out leads through here; `onClose` follows in a moment. */
  #close(error: SocketError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.finished = true;
    this.queue = [];
    this.queuedBytes = 0;
    this.held = null;
    this.readBuffer = null;
    this.raw.close();
    queueMicrotask(() => this.handler.onClose(this, error));
  }

  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#thrown(error);
    }
  }

  /** A throw in a handler is our bug: this socket dies, others live, and the process's policy for uncaught errors decides. */
  #thrown(error: unknown): void {
    this.#close(null);
    queueMicrotask(() => {
      throw error;
    });
  }
}

// ── read buffers ────────────────────────────────────────────────────────────

/** What an idle connection waits with; a request head fits. */
const SMALL_BYTES = 4096;
/** Larger reads were not faster on loopback. */
const LARGE_BYTES = 65536;
/** Beyond this, copying pieces together costs more than the system calls it saves. */
const JOINED_BYTES_MAX = 65536;
/** 4 MiB at most are kept for reuse. */
const FREE_LARGE_MAX = 64;

const freeLarge: Uint8Array[] = [];
/** Views handed out, and the whole buffer behind each. */
const lent = new WeakMap<Uint8Array, Uint8Array>();

function takeLarge(): Uint8Array {
  return freeLarge.pop() ?? new Uint8Array(LARGE_BYTES);
}

function giveLarge(buffer: Uint8Array): void {
  if (freeLarge.length < FREE_LARGE_MAX) freeLarge.push(buffer);
}

function lend(buffer: Uint8Array, length: number): Uint8Array {
  const view = buffer.subarray(0, length);
  lent.set(view, buffer);
  return view;
}

/** `bytes` are written. A view we lent came back whole, so nobody else may hold a part of it. */
function recycle(bytes: Uint8Array): void {
  if (bytes.length < SMALL_BYTES) return;
  const buffer = lent.get(bytes);
  if (buffer === undefined) return;
  lent.delete(bytes);
  giveLarge(buffer);
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
    recycle(piece);
  }
  return whole;
}

function toAddress(raw: DenoAddress, bound: Address): Address {
  return raw.transport === "unix" ? bound : tcpAddress(raw.hostname, raw.port);
}
