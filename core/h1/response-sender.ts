/**
 * The sending half of a client connection: frames responses for this client, and watches whether it takes what it is
 * sent. A client that doesn't is given up; nobody else waits for it.
 */

import { Outbox } from "../bytes/outbox.ts";
import type { Slab } from "../bytes/slab.ts";
import { CLIENT_READS_TOO_SLOWLY, CLIENT_SEND_TIMEOUT, type Fault } from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_CHUNKED, BODY_UNTIL_CLOSE } from "../http/message.ts";
import { FieldLine, type OutgoingHead } from "../http/outgoing.ts";
import type { Socket } from "../runtime.ts";
import { ProgressWatch } from "../time/progress.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import { writeChunk, writeLastChunk } from "./write-body.ts";
import { writeResponseHead } from "./write-head.ts";

/** Told once when the client has stood still for too long. */
export type OnStalled = (reason: Fault) => void;

const CLOSE_LINE = new FieldLine("Connection", "close");
const KEEP_ALIVE_LINE = new FieldLine("Connection", "keep-alive");

/** What leaves at once on a new connection: ten segments (RFC 6928). */
const FIRST_FLIGHT_BYTES = 14 * 1024;

export class ResponseSender implements TimerOwner {
  readonly #socket: Socket;
  readonly #outbox = new Outbox();
  readonly #timers: Timers;
  readonly #onStalled: OnStalled;
  // Made when the client first falls behind; most never do.
  #watch: ProgressWatch | null = null;
  #timer: Timer | null = null;
  /** What the kernel had taken at the last look. */
  #takenBytes = 0;
  #idleMs = 0;
  #rateMin = 0;
  #isChunked = false;
  /** From the final head to the end of its body. */
  isAnswering = false;
  /** Only the end of the connection ends the body: a cut has to be a reset to be seen. */
  isUntilClose = false;

  constructor(socket: Socket, slab: Slab, timers: Timers, onStalled: OnStalled) {
    this.#socket = socket;
    this.#outbox.goTo(socket, slab);
    this.#timers = timers;
    this.#onStalled = onStalled;
  }

  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  get sentBytes(): number {
    return this.#outbox.writtenBytes;
  }

  /** From the next write on: how long the client may take nothing, and how slowly it may read. */
  expect(idleMs: number, rateMin: number): void {
    this.#idleMs = idleMs;
    this.#rateMin = rateMin;
  }

  /**
   * Chunked where a length is missing, or the end of the connection where the client knows no chunks. Says so, and
   * answers whether the connection can serve another request afterwards.
   */
  frame(outgoing: OutgoingHead, isHttp10: boolean, mayKeep: boolean): boolean {
    this.isAnswering = true;
    const isOpenEnded = outgoing.body === BODY_CHUNKED || outgoing.body === BODY_UNTIL_CLOSE;
    this.#isChunked = isOpenEnded && !isHttp10;
    this.isUntilClose = isOpenEnded && isHttp10;
    if (isOpenEnded) outgoing.body = isHttp10 ? BODY_UNTIL_CLOSE : BODY_CHUNKED;
    const keeps = mayKeep && !this.isUntilClose;
    if (!keeps) outgoing.lines.push(CLOSE_LINE);
    else if (isHttp10) outgoing.lines.push(KEEP_ALIVE_LINE);
    return keeps;
  }

  head(outgoing: OutgoingHead): void {
    this.#watch?.begin(this.#timers.nowMs);
    this.#takenBytes = this.#outbox.writtenBytes;
    writeResponseHead(this.#outbox, outgoing);
  }

  /** False: the client is behind, wait for `drained`. */
  body(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isChunked) writeChunk(this.#outbox, bytes, start, end);
    else this.#outbox.piece(bytes, start, end);
    return !this.#outbox.isBlocked || this.#watchClient();
  }

  /** The last chunk, where there are chunks, and everything else that is pending. */
  end(trailers: Fields | null): void {
    if (this.#isChunked) writeLastChunk(this.#outbox, trailers);
    this.#isChunked = false;
    this.isAnswering = false;
    this.flush();
  }

  flush(): void {
    this.#outbox.flush();
    if (this.#outbox.isBlocked) this.#watchClient();
  }

  /**
   * FIN behind everything; `isLast`: and nothing is waited for from a client that has nothing more to say. True when the
   * connection is closed.
   */
  finish(isLast: boolean): boolean {
    // Should it say something after all, the kernel answers with RST, and what has not left yet is lost.
    const hasLeft = this.#outbox.writtenBytes + this.#outbox.pendingBytes <= FIRST_FLIGHT_BYTES;
    const isClosed = isLast && hasLeft && this.#outbox.endAndClose();
    if (!(isLast && hasLeft)) this.#outbox.end();
    this.rest();
    return isClosed;
  }

  /** The socket's `onDrain`. */
  drained(): void {
    this.#outbox.drained();
    if (this.#timer === null) return;
    this.#noteTaken();
    this.#watch!.stop(this.#timers.nowMs);
    this.rest();
  }

  /** Stops watching. */
  rest(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer);
  }

  close(): void {
    if (this.#timer !== null) this.#timers.remove(this.#timer);
  }

  onTimer(timer: Timer): void {
    const { nowMs } = this.#timers;
    const watch = this.#watch!;
    this.#noteTaken();
    const pace = watch.pace(nowMs, this.#idleMs, this.#rateMin);
    if (pace === "moving") this.#timers.set(timer, watch.nextCheckMs(nowMs, this.#idleMs));
    else this.#onStalled(pace === "idle" ? CLIENT_SEND_TIMEOUT : CLIENT_READS_TOO_SLOWLY);
  }

  #watchClient(): false {
    const { nowMs } = this.#timers;
    this.#timer ??= new Timer(this);
    if (this.#watch === null) {
      this.#watch = new ProgressWatch();
      this.#watch.begin(nowMs);
    }
    // What went at once is no movement of the time to come.
    this.#noteTaken();
    this.#watch.wait(nowMs);
    if (this.#timer.deadlineMs === 0) this.#timers.set(this.#timer, this.#watch.nextCheckMs(nowMs, this.#idleMs));
    return false;
  }

  #noteTaken(): void {
    const taken = this.#outbox.writtenBytes - this.#socket.queuedBytes;
    if (taken <= this.#takenBytes) return;
    this.#watch!.moved(taken - this.#takenBytes, this.#timers.nowMs);
    this.#takenBytes = taken;
  }
}
