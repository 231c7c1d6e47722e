/**
 * A Deno connection as a socket of the port: pulled with `read` and pushed with `write`, one promise each (and no async
 * function of ours, which would add one). Reading into our own buffers is what makes Deno cheap (`deno-buffers.ts`):
 *
 *   read filled its buffer → the next read is large
 *   it was not full        → the next read is small
 */
import type { Address, Socket, SocketError } from "../core/runtime.ts";
import {
  giveSmall,
  isJoinable,
  join,
  keepMemory,
  type LargeBuffer,
  letGoOfMemory,
  release,
  takeLarge,
  takeNext,
  takeSmall,
} from "./deno-buffers.ts";
import { type DenoConn, readFrom, ridOf, toAddress, writeTo } from "./deno-conn.ts";
import { releaseRead, smallChunks } from "./deno-read.ts";
import { LateSender } from "./late-writes.ts";
import { Range, viewOf } from "./range.ts";
import { type ReadRoom, SMALL_BYTES } from "./small-chunks.ts";
import { isOfPeer, toSocketError } from "./socket-error.ts";

const NOTHING = new Uint8Array(0);

export class DenoSocket extends LateSender implements Socket {
  readonly raw: DenoConn;
  readonly #rid: number;
  readonly highWaterBytes: number;
  paused = true;
  /** A read is under way, or about to be. */
  reading = false;
  /** A read is under way. */
  #isPending = false;
  /** None begins before `resume`. */
  #isResting = false;
  #small: ReadRoom | null = null;
  /** Instead of the small one, while much is coming. */
  #large: LargeBuffer | null = null;
  /** What a read brought, be it after `pause`. */
  readonly #held = new Range();
  /** The peer's FIN was read, and told. */
  ended = false;
  endTold = false;
  /** Behind the write under way. */
  queue: Uint8Array[] = [];
  unsentBytes = 0;
  /** A write is under way, of `#outgoing`, the first `#written` bytes of which the kernel has. */
  writing = false;
  #outgoing: Uint8Array | null = null;
  #written = 0;
  needsDrain = false;
  /** `end` was called. */
  finished = false;
  finSent = false;
  #closesAtEnd = false;
  closed = false;
  readonly #bound: Address;
  readonly #isAccepted: boolean;
  #local: Address | null = null;
  #peer: Address | null = null;

  constructor(raw: DenoConn, highWaterBytes: number, bound: Address, isAccepted: boolean) {
    super();
    this.raw = raw;
    this.#rid = ridOf(raw);
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
    this.#isAccepted = isAccepted;
  }

  get local(): Address {
    this.#local ??= toAddress(this.raw.localAddr, this.#bound);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= toAddress(this.raw.remoteAddr, this.#bound);
    return this.#peer;
  }

  override sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    const view = viewOf(bytes, start, end);
    keepMemory(view);
    this.#send(view);
    return this.#accepted();
  }

  override sendBoth(one: Range, other: Range): boolean {
    const first = one.view(0);
    const second = other.view(0);
    const length = first.length + second.length;
    keepMemory(first);
    keepMemory(second);
    if (isJoinable(length)) this.#send(join([first, second], length));
    else {
      this.#send(first);
      this.#send(second);
    }
    return this.#accepted();
  }

  release(bytes: Uint8Array): void {
    releaseRead(bytes);
  }

  #accepted(): boolean {
    if (this.unsentBytes < this.highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  #send(bytes: Uint8Array): void {
    this.unsentBytes += bytes.length;
    if (this.writing) this.queue.push(bytes);
    else this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.writing = true;
    this.#outgoing = bytes;
    this.#written = 0;
    writeTo(this.raw, this.#rid, bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  readonly #onWritten = (count: number): void => {
    if (this.closed) return;
    const bytes = this.#outgoing as Uint8Array;
    this.#written += count;
    this.unsentBytes -= count;
    if (this.needsDrain && this.unsentBytes <= this.highWaterBytes / 2) this.#drained();
    if (this.#written < bytes.length && !this.closed) {
      const rest = bytes.subarray(this.#written);
      writeTo(this.raw, this.#rid, rest).then(this.#onWritten, this.#onWriteFailed);
      return;
    }
    letGoOfMemory(bytes);
    const next = takeNext(this.queue);
    if (next !== null) {
      this.#write(next);
      return;
    }
    this.#outgoing = null;
    this.writing = false;
    if (this.finished && !this.closed) void this.#sendFin();
  };

  readonly #onWriteFailed = (error: unknown): void => {
    if (!this.closed) this.#writeFailed(toSocketError(error));
  };

  /**
   * What the peer had sent before it left still waits in the kernel: a server's early answer, the last words of a tunnel. Only a
   * client that nobody reads from would never be heard of.
   */
  #writeFailed(error: SocketError): void {
    const isUnheard = this.#isAccepted && (this.paused || this.#isResting);
    if (isUnheard || this.ended || !isOfPeer(error)) {
      this.#close(error);
      return;
    }
    this.writeError = error;
    this.finished = true;
    this.queue = [];
    this.unsentBytes = 0;
    if (this.needsDrain) this.#drained();
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
    if (this.endTold || this.#closesAtEnd) this.#close(null);
  }

  end(): void {
    if (this.finished) return;
    this.sendLate();
    this.finished = true;
    if (!this.writing) void this.#sendFin();
  }

  /** Closing under a read makes an error of it, which costs more than waiting for the peer's FIN. */
  endAndClose(): boolean {
    this.sendLate();
    this.#closesAtEnd = !this.#isPending;
    if (this.#isPending || this.writing) this.end();
    else this.#close(null);
    return this.closed;
  }

  destroy(): void {
    this.sendLate();
    this.#close(null);
  }

  reset(): void {
    this.sendLate();
    this.#close(null);
  }

  pause(): void {
    this.paused = true;
    if (this.#isAccepted && this.writeError !== null) this.#close(this.writeError);
  }

  restReading(): boolean {
    this.#isResting = !this.#isPending && this.writeError === null;
    return this.#isResting;
  }

  resume(): void {
    if (this.closed || !(this.paused || this.#isResting)) return;
    this.paused = false;
    this.#isResting = false;
    if (this.reading) return;
    this.reading = true;
    if (this.#held.length === 0 && !this.ended) {
      this.#readOn();
      return;
    }
    // Never from inside `resume`.
    queueMicrotask(() => {
      this.#deliverHeld();
      this.#readOn();
    });
  }

  #readOn(): void {
    this.reading = !(this.paused || this.closed || this.ended || this.#isResting);
    this.#isPending = this.reading;
    if (this.reading) readFrom(this.raw, this.#rid, this.#room()).then(this.#onRead, this.#onReadFailed);
  }

  readonly #onRead = (length: number | null): void => {
    this.#isPending = false;
    if (this.closed) return;
    if (length !== null && length > 0) {
      this.#take(length);
      this.#deliverHeld();
      this.#readOn();
    } else if (this.writing) {
      // The write that met a reset has had the word of it, and says so in the same turn.
      setImmediate(this.#onEnd);
    } else this.#onEnd();
  };

  readonly #onEnd = (): void => {
    if (this.closed) return;
    if (this.writeError !== null) {
      this.#close(this.writeError);
      return;
    }
    this.ended = true;
    this.#deliverHeld();
    this.#readOn();
  };

  readonly #onReadFailed = (error: unknown): void => {
    this.#close(toSocketError(error));
  };

  #room(): Uint8Array {
    if (this.#large !== null) return this.#large.room;
    this.#small ??= takeSmall();
    return this.#small.bytes;
  }

  /** Holds the bytes of a read, which belong to the receiver. The next has a buffer, a large one if this one was full. */
  #take(length: number): void {
    const large = this.#large;
    if (large === null) {
      this.#holdCopy(this.#small as ReadRoom, length);
      if (length === SMALL_BYTES) this.#large = takeLarge();
      return;
    }
    const { whole, room } = large;
    this.#large = length === room.length ? takeLarge() : null;
    if (length > SMALL_BYTES) {
      this.#held.set(whole.bytes, 0, length);
      return;
    }
    this.#holdCopy(whole, length);
    release(room);
  }

  #holdCopy(room: ReadRoom, length: number): void {
    const start = smallChunks.copy(room, length);
    this.#held.set(smallChunks.bytes, start, start + length);
  }

  #deliverHeld(): void {
    if (this.paused || this.closed) return;
    const { bytes, start, end } = this.#held;
    try {
      if (end > start) {
        this.#drop();
        this.handler.onData(this, bytes, start, end);
      }
      if (!this.ended || this.endTold || this.paused || this.closed) return;
      this.endTold = true;
      this.#dropBuffers();
      this.handler.onEnd(this);
    } catch (error) {
      this.thrown(error);
    }
    if (this.endTold && this.finSent) this.#close(null);
  }

  /** Nothing is held. */
  #drop(): void {
    this.#held.set(NOTHING, 0, 0);
  }

  /** Every way out leads through here; `onClose` follows in a moment. */
  #close(error: SocketError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.finished = true;
    this.writeError = null;
    this.queue = [];
    this.unsentBytes = 0;
    this.#drop();
    this.#dropBuffers();
    this.raw.close();
    queueMicrotask(() => this.handler.onClose(this, error));
  }

  /** For reuse only while no read is under way. */
  #dropBuffers(): void {
    if (this.#small !== null && !this.#isPending) giveSmall(this.#small);
    this.#small = null;
    this.#large = null;
  }
}
