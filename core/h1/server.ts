/**
 * One client connection: requests in, responses out, in order. Owns the socket, what was read and not used yet, and
 * the deadlines of the client's side; the exchange that handles the current request decides everything else.
 *
 *                 complete head               request complete
 *     READ_HEAD ──────────────► READ_BODY ──────────────► ANSWERING ──┐ response complete, kept alive
 *         ▲          └── without body ────────────────────►           │
 *         └───────────────────────────────────────────────────────────┘
 *     any ── refused, or answered before the body was read ─► LINGER ─► CLOSED
 *     ANSWERING ── 101 ─► TUNNEL ─► CLOSED
 */

import { Inbox } from "../bytes/inbox.ts";
import { Outbox } from "../bytes/outbox.ts";
import type { Slab } from "../bytes/slab.ts";
import * as fault from "../fault.ts";
import type { Fault } from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE, RequestHead } from "../http/message.ts";
import { FieldLine, type OutgoingHead } from "../http/outgoing.ts";
import { checkRequest } from "../http/request-rules.ts";
import type { MessageHandler, ResponseWriter } from "../http/wire.ts";
import { type Limits, LINGER_BYTES_MAX, LINGER_MS, type Timeouts } from "../limits.ts";
import type { Socket, SocketError, SocketHandler } from "../runtime.ts";
import { ProgressWatch } from "../time/progress.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import { BodyDecoder, type BodySink } from "./parse-body.ts";
import { type HeadBounds, INCOMPLETE, parseRequestHead } from "./parse-head.ts";
import { writeLastChunk, writePiece } from "./write-body.ts";
import { writeResponseHead } from "./write-head.ts";

/** Whoever accepted the connection. */
export interface ServerOwner {
  readonly timers: Timers;
  readonly slab: Slab;
  /** Those in force when the next request begins. */
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly requestBounds: HeadBounds;
  /** False while draining: every response says that it is the last. */
  readonly keepsConnections: boolean;
  /** A request whose head obeys the rules. The handler is told about body and end after this returns. */
  openExchange(connection: ServerConnection, head: RequestHead): MessageHandler;
  /** Bytes that are no request: answer with `fault.status`, then the connection closes. */
  refuse(connection: ServerConnection, fault: Fault): void;
  onConnectionClosed(connection: ServerConnection): void;
}

const READ_HEAD = 0;
const READ_BODY = 1;
const ANSWERING = 2;
const TUNNEL = 3;
const LINGER = 4;
const CLOSED = 5;

// Reasons to hold the socket.
const HELD_BY_EXCHANGE = 1;
const HELD_BY_PIPELINE = 2;

const CLOSE_LINE = new FieldLine("Connection", "close");
const KEEP_ALIVE_LINE = new FieldLine("Connection", "keep-alive");

export class ServerConnection implements SocketHandler, ResponseWriter, BodySink, TimerOwner {
  readonly socket: Socket;
  readonly #owner: ServerOwner;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  readonly #timer: Timer;
  #sendTimer: Timer | null = null;
  #decoder: BodyDecoder | null = null;
  #reading: ProgressWatch | null = null;
  #sending: ProgressWatch | null = null;
  #head: RequestHead | null = null;
  #handler: MessageHandler | null = null;
  #phase = READ_HEAD;
  #isProcessing = false;
  #holds = 0;
  #hasClientEnded = false;
  #hasEnded = false;
  /** A head has begun to arrive: its absolute deadline runs. */
  #isInHead = false;
  #isResponseChunked = false;
  #isResponseUntilClose = false;
  #isResponseDone = false;
  #keepsAlive = true;
  #lingeredBytes = 0;
  // Of the current request: the owner's, or those of its route.
  #limits: Limits;
  #timeouts: Timeouts;
  #sentAtCheck = 0;

  constructor(socket: Socket, owner: ServerOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#outbox = new Outbox(socket, owner.slab);
    this.#timer = new Timer(this);
    this.#limits = owner.limits;
    this.#timeouts = owner.timeouts;
    socket.handler = this;
    // No byte at all within the head's deadline: closed without an answer (S01).
    owner.timers.set(this.#timer, owner.timeouts.requestHeadMs);
    socket.resume();
  }

  /** Bytes sent so far, responses to all requests together. */
  get writtenBytes(): number {
    return this.#outbox.writtenBytes + this.#outbox.pendingBytes;
  }

  get isIdle(): boolean {
    return this.#phase === READ_HEAD && !this.#isInHead;
  }

  /** The client half-closed: it may still read. */
  get hasClientEnded(): boolean {
    return this.#hasClientEnded;
  }

  // ── from the socket ────────────────────────────────────────────────────────────────────────────────────────

  onData(_socket: Socket, bytes: Uint8Array): void {
    if (this.#phase === TUNNEL) {
      this.#handler?.onBodyPiece(bytes);
      this.#handler?.onFlush();
      return;
    }
    if (this.#phase === LINGER) {
      this.#lingeredBytes += bytes.length;
      if (this.#lingeredBytes > LINGER_BYTES_MAX) this.close();
      return;
    }
    const moved = this.#inbox.append(bytes);
    if (moved > 0 && this.#phase === READ_HEAD) this.#head?.shift(this.#inbox.bytes, moved);
    this.#process();
  }

  onDrain(_socket: Socket): void {
    this.#outbox.drained();
    if (this.#sendTimer !== null) {
      this.#noteSent();
      this.#sending!.stop(this.#owner.timers.nowMs);
      this.#owner.timers.clear(this.#sendTimer);
    }
    this.#handler?.onWritable();
    if (this.#phase === READ_HEAD) this.#process();
  }

  onEnd(_socket: Socket): void {
    this.#hasClientEnded = true;
    switch (this.#phase) {
      case TUNNEL:
        this.#handler?.onEnd(null);
        this.#handler?.onFlush();
        if (this.#hasEnded) this.#awaitClose();
        break;
      case ANSWERING:
        // It may only have closed its sending half; the answer is still due.
        this.#keepsAlive = false;
        break;
      case READ_BODY:
        this.#fail(fault.CLIENT_CLOSED);
        break;
      default:
        this.close();
    }
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.#fail(error === null ? fault.CLIENT_CLOSED : fault.CLIENT_RESET);
    this.#owner.onConnectionClosed(this);
  }

  onTimer(timer: Timer): void {
    if (timer !== this.#timer) {
      this.#checkSending();
    } else if (this.#phase === READ_BODY) {
      this.#checkReading();
    } else if (this.#phase === READ_HEAD && this.#isInHead) {
      this.#owner.refuse(this, fault.CLIENT_HEAD_TIMEOUT);
    } else if (this.#phase === READ_HEAD) {
      this.#linger();
    } else {
      this.close();
    }
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────────

  #process(): void {
    if (this.#isProcessing) return;
    this.#isProcessing = true;
    let waits = false;
    let goesOn = true;
    while (goesOn && this.#inbox.length > 0 && this.#phase <= ANSWERING) {
      // A pipelined request waits for its turn, in the kernel as far as possible.
      waits = this.#phase === ANSWERING || (this.#phase === READ_HEAD && this.#outbox.isBlocked);
      goesOn = !waits && (this.#phase === READ_HEAD ? this.#readHead() : this.#readBody());
    }
    this.#isProcessing = false;
    if (waits) {
      this.#hold(HELD_BY_PIPELINE);
      return;
    }
    if (this.#phase === READ_HEAD && this.#hasClientEnded) this.#linger();
    this.#release(HELD_BY_PIPELINE);
  }

  #readHead(): boolean {
    const owner = this.#owner;
    const inbox = this.#inbox;
    if (this.#head === null) this.#head = takeHead();
    const head = this.#head;
    const at = parseRequestHead(head, inbox.bytes, inbox.start, inbox.end, owner.requestBounds);
    if (at === INCOMPLETE) {
      if (!this.#isInHead) {
        this.#isInHead = true;
        owner.timers.set(this.#timer, owner.timeouts.requestHeadMs);
      }
      return false;
    }
    const refused = at < 0 ? at : checkRequest(head, this.socket.tls === null ? "http" : "https");
    if (refused < 0) {
      owner.refuse(this, fault.clientRefusal(refused));
      this.#maybeFinish();
      return false;
    }
    inbox.consume(at);
    this.#isInHead = false;
    this.#isResponseDone = false;
    this.#isResponseChunked = false;
    this.#isResponseUntilClose = false;
    this.#keepsAlive = head.keepsAlive && !this.#hasClientEnded;
    this.#limits = owner.limits;
    this.#timeouts = owner.timeouts;
    owner.timers.clear(this.#timer);
    if (head.body === BODY_NONE) {
      this.#phase = ANSWERING;
      this.#open(head);
      this.#handler?.onEnd(null);
      this.#handler?.onFlush();
      this.#maybeFinish();
    } else {
      this.#phase = READ_BODY;
      this.#reading ??= new ProgressWatch();
      this.#reading.begin(owner.timers.nowMs);
      this.#reading.wait(owner.timers.nowMs);
      this.#decoder ??= new BodyDecoder();
      this.#decoder.begin(head.body, head.bodyLength);
      this.#open(head);
      if (this.#phase === READ_BODY) this.#checkReading();
      this.#maybeFinish();
    }
    return true;
  }

  #open(head: RequestHead): void {
    const handler = this.#owner.openExchange(this, head);
    // It may have answered and closed at once.
    if (this.#phase !== CLOSED) this.#handler = handler;
  }

  #readBody(): boolean {
    const inbox = this.#inbox;
    const decoder = this.#decoder!;
    const before = inbox.start;
    const at = decoder.decode(inbox.bytes, before, inbox.end, this.#limits, this);
    if (this.#phase !== READ_BODY) return false;
    if (at < 0) {
      this.#refuseBody(fault.clientRefusal(at));
      this.#maybeFinish();
      return false;
    }
    this.#reading!.moved(at - before, this.#owner.timers.nowMs);
    inbox.consume(at);
    if (decoder.isDone) {
      this.#phase = ANSWERING;
      this.#owner.timers.clear(this.#timer);
      this.#handler?.onEnd(decoder.trailers);
    }
    this.#handler?.onFlush();
    this.#maybeFinish();
    return true;
  }

  onBodyPiece(bytes: Uint8Array): void {
    this.#handler?.onBodyPiece(bytes);
  }

  /** A broken body: the exchange answers with the fault's status while it still can, else it cuts. */
  #refuseBody(refused: Fault): void {
    const handler = this.#handler;
    this.#inbox.clear();
    this.#keepsAlive = false;
    handler?.onFault(refused);
  }

  hold(): void {
    this.#hold(HELD_BY_EXCHANGE);
    if (this.#phase === READ_BODY) this.#reading!.stop(this.#owner.timers.nowMs);
  }

  release(): void {
    if (this.#phase === READ_BODY) this.#reading!.wait(this.#owner.timers.nowMs);
    this.#release(HELD_BY_EXCHANGE);
  }

  #hold(reason: number): void {
    if (this.#holds === 0) this.socket.pause();
    this.#holds |= reason;
  }

  #release(reason: number): void {
    if ((this.#holds & reason) === 0) return;
    this.#holds &= ~reason;
    if (this.#holds === 0 && this.#phase !== CLOSED) this.socket.resume();
  }

  // ── responses ──────────────────────────────────────────────────────────────────────────────────────────────

  interim(outgoing: OutgoingHead): void {
    if (this.#head!.minorVersion === 0) return;
    writeResponseHead(this.#outbox, outgoing);
    this.#flushed();
  }

  /** Decides the framing for this client: chunked where a length is missing, or the end of the connection. */
  head(outgoing: OutgoingHead): void {
    if (outgoing.status === 101) {
      writeResponseHead(this.#outbox, outgoing);
      return;
    }
    const isHttp10 = this.#head !== null && this.#head.minorVersion === 0;
    if (outgoing.body === BODY_CHUNKED || outgoing.body === BODY_UNTIL_CLOSE) {
      this.#isResponseChunked = !isHttp10;
      this.#isResponseUntilClose = isHttp10;
      outgoing.body = isHttp10 ? BODY_UNTIL_CLOSE : BODY_CHUNKED;
      if (isHttp10) this.#keepsAlive = false;
    }
    if (!this.#owner.keepsConnections || this.#phase === READ_HEAD) this.#keepsAlive = false;
    if (!this.#keepsAlive) outgoing.lines.push(CLOSE_LINE);
    else if (isHttp10) outgoing.lines.push(KEEP_ALIVE_LINE);
    this.#sending?.begin(this.#owner.timers.nowMs);
    this.#sentAtCheck = this.#outbox.writtenBytes;
    writeResponseHead(this.#outbox, outgoing);
  }

  /** The route's own limits and deadlines, for the rest of this request. */
  goBy(limits: Limits, timeouts: Timeouts): void {
    this.#limits = limits;
    this.#timeouts = timeouts;
  }

  /** The answer just being written is the last on this connection. Before `head`. */
  closeAfterResponse(): void {
    this.#keepsAlive = false;
  }

  body(bytes: Uint8Array): boolean {
    writePiece(this.#outbox, bytes, this.#isResponseChunked);
    return this.#flushed();
  }

  flush(): void {
    this.#outbox.flush();
    this.#flushed();
  }

  end(trailers: Fields | null): void {
    if (this.#phase === TUNNEL) {
      this.#hasEnded = true;
      this.#outbox.end();
      if (this.#hasClientEnded) this.#awaitClose();
      return;
    }
    if (this.#isResponseChunked) writeLastChunk(this.#outbox, trailers);
    this.flush();
    this.#isResponseDone = true;
    if (!this.#isProcessing) {
      this.#maybeFinish();
      if (this.#phase === READ_HEAD) this.#process();
    }
  }

  abort(): void {
    // Without length and chunks an ordinary end would look like the end of the body.
    if (this.#isResponseUntilClose) this.socket.reset();
    else this.socket.destroy();
    this.#closed();
  }

  /** Bytes go through unframed from here on; those already read belong to the tunnel. */
  openTunnel(): void {
    const { timers } = this.#owner;
    this.#phase = TUNNEL;
    timers.clear(this.#timer);
    this.#isResponseChunked = false;
    this.flush();
    const { bytes, start, end } = this.#inbox;
    this.#inbox.clear();
    if (end > start) {
      this.#handler!.onBodyPiece(bytes.subarray(start, end));
      this.#handler?.onFlush();
    }
    this.#release(HELD_BY_PIPELINE);
    if (this.#hasClientEnded) this.#handler?.onEnd(null);
  }

  /** Notes that a write may have filled the queue, and starts watching whether the client takes it. */
  #flushed(): boolean {
    if (!this.#outbox.isBlocked) return true;
    const { timers } = this.#owner;
    if (this.#sending === null) {
      this.#sending = new ProgressWatch();
      this.#sending.begin(timers.nowMs);
      this.#sendTimer = new Timer(this);
    }
    this.#sending.wait(timers.nowMs);
    if (this.#sendTimer!.deadlineMs === 0) {
      timers.set(this.#sendTimer!, this.#sending.nextCheckMs(timers.nowMs, this.#timeouts.sendIdleMs));
    }
    return false;
  }

  #checkSending(): void {
    const { timers } = this.#owner;
    const timeouts = this.#timeouts;
    const sending = this.#sending!;
    this.#noteSent();
    // In a tunnel silence is normal.
    const isTunnel = this.#phase === TUNNEL;
    const idleMs = isTunnel ? timeouts.tunnelIdleMs : timeouts.sendIdleMs;
    const rateMin = isTunnel ? 0 : this.#limits.rateBytesPerSecondMin;
    const verdict = sending.verdict(timers.nowMs, idleMs, rateMin);
    if (verdict === "moving") {
      timers.set(this.#sendTimer!, sending.nextCheckMs(timers.nowMs, idleMs));
      return;
    }
    this.#fail(verdict === "idle" ? fault.CLIENT_SEND_TIMEOUT : fault.CLIENT_READS_TOO_SLOWLY);
    this.socket.reset();
    this.#closed();
  }

  /** Counts what the kernel took since the last look. */
  #noteSent(): void {
    const sent = this.#outbox.writtenBytes - this.socket.queuedBytes;
    if (sent > this.#sentAtCheck) this.#sending!.moved(sent - this.#sentAtCheck, this.#owner.timers.nowMs);
    this.#sentAtCheck = Math.max(sent, this.#sentAtCheck);
  }

  #checkReading(): void {
    const { timers } = this.#owner;
    const timeouts = this.#timeouts;
    const reading = this.#reading!;
    const verdict = reading.verdict(timers.nowMs, timeouts.requestBodyIdleMs, this.#limits.rateBytesPerSecondMin);
    if (verdict === "moving") {
      timers.set(this.#timer, reading.nextCheckMs(timers.nowMs, timeouts.requestBodyIdleMs));
    } else {
      this.#refuseBody(verdict === "idle" ? fault.CLIENT_BODY_TIMEOUT : fault.CLIENT_TOO_SLOW);
    }
  }

  // ── between requests, and the end ──────────────────────────────────────────────────────────────────────────

  /** Both halves of a cycle are through: the next request, or the end. */
  #maybeFinish(): void {
    if (!this.#isResponseDone || this.#phase === CLOSED || this.#phase === LINGER) return;
    if (this.#phase === READ_BODY || !this.#keepsAlive) {
      this.#linger();
      return;
    }
    if (this.#phase !== ANSWERING) return;
    this.#phase = READ_HEAD;
    this.#handler = null;
    this.#isResponseDone = false;
    if (this.#head !== null) giveHead(this.#head);
    this.#head = null;
    this.#owner.timers.set(this.#timer, this.#owner.timeouts.keepAliveIdleMs);
    this.#release(HELD_BY_EXCHANGE);
  }

  /** Everything was said; what the client still sends is read for a while, so that it can read our answer. */
  #linger(): void {
    const mayStillSend = this.#phase === READ_BODY || this.#phase === READ_HEAD || this.#inbox.length > 0;
    this.#handler = null;
    this.#inbox.clear();
    this.#phase = LINGER;
    this.#outbox.end();
    if (this.#hasClientEnded && this.socket.queuedBytes === 0) {
      this.close();
      return;
    }
    if (this.#sendTimer !== null) this.#owner.timers.clear(this.#sendTimer);
    this.#holds = 0;
    this.socket.resume();
    // A client that reads slowly gets the time of any slow reader to take the rest.
    const patienceMs = mayStillSend && this.socket.queuedBytes === 0 ? LINGER_MS : this.#timeouts.sendIdleMs;
    this.#owner.timers.set(this.#timer, patienceMs);
  }

  /** Both directions have ended: the socket closes by itself once the rest is written. */
  #awaitClose(): void {
    this.#phase = LINGER;
    this.#handler = null;
    this.#owner.timers.set(this.#timer, this.#timeouts.sendIdleMs);
  }

  /** Ends politely between two requests: FIN first, so that a request that crosses it isn't answered with a reset. */
  leave(): void {
    if (this.isIdle) this.#linger();
  }

  /** Ends now, without a word. */
  close(): void {
    if (this.#phase === CLOSED) return;
    this.#outbox.flush();
    this.socket.destroy();
    this.#closed();
  }

  #fail(reason: Fault): void {
    const handler = this.#handler;
    this.#closed();
    handler?.onFault(reason);
    this.socket.destroy();
  }

  #closed(): void {
    this.#phase = CLOSED;
    this.#handler = null;
    this.#inbox.clear();
    this.#owner.timers.clear(this.#timer);
    if (this.#sendTimer !== null) this.#owner.timers.clear(this.#sendTimer);
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }
}

// Heads not in use; idle connections hold none.
const HEADS_KEPT_MAX = 256;
const heads: RequestHead[] = [];

function takeHead(): RequestHead {
  return heads.pop() ?? new RequestHead();
}

function giveHead(head: RequestHead): void {
  head.clear();
  if (heads.length < HEADS_KEPT_MAX) heads.push(head);
}
