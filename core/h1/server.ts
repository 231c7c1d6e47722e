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
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_NONE, type RequestHead } from "../http/message.ts";
import { FieldLine, type OutgoingHead } from "../http/outgoing.ts";
import { checkRequest } from "../http/request-rules.ts";
import type { MessageHandler, ResponseWriter } from "../http/wire.ts";
import { LINGER_BYTES_MAX, LINGER_MS, type Limits, type Timeouts } from "../limits.ts";
import type { Socket, SocketError, SocketHandler } from "../runtime.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { BodyReader } from "./body-reader.ts";
import { giveHead, takeHead } from "./head-pool.ts";
import type { BodySink } from "./parse-body.ts";
import { INCOMPLETE, parseRequestHead } from "./parse-head.ts";
import { ResponseSender } from "./response-sender.ts";
import type { ServerOwner } from "./server-owner.ts";

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
  readonly #sender: ResponseSender;
  readonly #timer: Timer;
  #bodyReader: BodyReader | null = null;
  #head: RequestHead | null = null;
  #handler: MessageHandler | null = null;
  #phase = READ_HEAD;
  #isProcessing = false;
  #holds = 0;
  #hasClientEnded = false;
  #hasEnded = false;
  /** A head has begun to arrive: its absolute deadline runs. */
  #isInHead = false;
  #isResponseDone = false;
  #keepsAlive = true;
  #lingeredBytes = 0;
  #queuedAtCheck = 0;
  // Of the current request: the owner's, or those of its route.
  #limits: Limits;
  #timeouts: Timeouts;

  constructor(socket: Socket, owner: ServerOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#sender = new ResponseSender(socket, owner.slab, owner.timers, (reason) => this.#cut(reason));
    this.#timer = new Timer(this);
    this.#limits = owner.limits;
    this.#timeouts = owner.timeouts;
    socket.handler = this;
    // No byte at all within the head's deadline: closed without an answer (S01).
    owner.timers.set(this.#timer, owner.timeouts.requestHeadMs);
    socket.resume();
  }

  get isIdle(): boolean {
    return this.#phase === READ_HEAD && !this.#isInHead;
  }

  // ── from the socket ────────────────────────────────────────────────────────────────────────────────────────

  onData(_socket: Socket, bytes: Uint8Array): void {
    if (this.#phase === TUNNEL) {
      this.#handler?.onBodyPiece(bytes, 0, bytes.length);
      this.#handler?.onFlush();
      return;
    }
    if (this.#phase === LINGER) {
      // Closing on unread bytes would reset the connection, and the client might lose our answer: only stop reading.
      this.#lingeredBytes += bytes.length;
      if (this.#lingeredBytes > LINGER_BYTES_MAX) this.#hold(HELD_BY_EXCHANGE);
      return;
    }
    const moved = this.#inbox.append(bytes);
    if (moved > 0 && this.#phase === READ_HEAD) this.#head?.shift(this.#inbox.bytes, moved);
    this.#process();
  }

  onDrain(_socket: Socket): void {
    this.#sender.drained();
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
        this.socket.destroy();
        break;
      case READ_HEAD:
        this.#linger();
        break;
      default:
        // Once both directions have ended the socket closes by itself, when the client has taken the rest.
        if (this.socket.queuedBytes === 0) this.close();
    }
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.#fail(error === null ? fault.CLIENT_CLOSED : fault.CLIENT_RESET);
    this.#owner.onConnectionClosed();
  }

  onTimer(): void {
    if (this.#phase === READ_BODY) {
      this.#checkPace();
    } else if (this.#phase === READ_HEAD && this.#isInHead) {
      this.#owner.refuse(fault.CLIENT_HEAD_TIMEOUT);
    } else if (this.#phase === READ_HEAD) {
      this.#linger();
    } else {
      this.#lingerOn();
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
      waits = this.#phase === ANSWERING || (this.#phase === READ_HEAD && this.#sender.isBlocked);
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
      owner.refuse(fault.clientRefusal(refused));
      this.#maybeFinish();
      return false;
    }
    inbox.consume(at);
    this.#isInHead = false;
    this.#isResponseDone = false;
    this.#keepsAlive = head.keepsAlive && !(this.#hasClientEnded && inbox.length === 0);
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
      this.#bodyReader ??= new BodyReader();
      this.#bodyReader.begin(head, owner.timers.nowMs);
      this.#open(head);
      if (this.#phase === READ_BODY) this.#checkPace();
      this.#maybeFinish();
    }
    return true;
  }

  #open(head: RequestHead): void {
    const handler = this.#owner.openExchange(head);
    // It may have answered and closed at once.
    if (this.#phase !== CLOSED) this.#handler = handler;
  }

  #readBody(): boolean {
    const reader = this.#bodyReader!;
    const refused = reader.read(this.#inbox, this.#limits, this, this.#owner.timers.nowMs);
    if (this.#phase !== READ_BODY) return false;
    if (refused < 0) {
      this.#refuseBody(fault.clientRefusal(refused));
      this.#maybeFinish();
      return false;
    }
    if (reader.isDone) {
      this.#phase = ANSWERING;
      this.#owner.timers.clear(this.#timer);
      this.#handler?.onEnd(reader.trailers);
    }
    this.#handler?.onFlush();
    this.#maybeFinish();
    return true;
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.#handler?.onBodyPiece(bytes, start, end);
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
    if (this.#phase === READ_BODY) this.#bodyReader!.hold(this.#owner.timers.nowMs);
  }

  release(): void {
    if (this.#phase === READ_BODY) this.#bodyReader!.release(this.#owner.timers.nowMs);
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
    if (this.#head!.minorVersion === 1) this.#sender.head(outgoing);
  }

  head(outgoing: OutgoingHead): void {
    this.#sender.expect(this.#timeouts.sendIdleMs, this.#limits.rateBytesPerSecondMin);
    if (outgoing.status !== 101) {
      const isHttp10 = this.#head !== null && this.#head.minorVersion === 0;
      const isDelimited = this.#sender.frame(outgoing, isHttp10);
      if (!isDelimited || !this.#owner.keepsConnections || this.#phase === READ_HEAD) this.#keepsAlive = false;
      if (!this.#keepsAlive) outgoing.lines.push(CLOSE_LINE);
      else if (isHttp10) outgoing.lines.push(KEEP_ALIVE_LINE);
    }
    this.#sender.head(outgoing);
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

  body(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#sender.body(bytes, start, end);
  }

  flush(): void {
    this.#sender.flush();
  }

  end(trailers: Fields | null): void {
    if (this.#phase === TUNNEL) {
      this.#hasEnded = true;
      this.#sender.finish();
      if (this.#hasClientEnded) this.#awaitClose();
      return;
    }
    this.#sender.end(trailers);
    this.#isResponseDone = true;
    if (!this.#isProcessing) {
      this.#maybeFinish();
      if (this.#phase === READ_HEAD) this.#process();
    }
  }

  abort(): void {
    this.#drop();
    this.#closed();
  }

  /** Without length and chunks, and in a tunnel, an ordinary end would look like the end of the body. */
  #drop(): void {
    const endsBody = this.#phase === TUNNEL || (this.#sender.isUntilClose && this.#phase !== LINGER);
    if (endsBody) this.socket.reset();
    else this.socket.destroy();
  }

  /** Bytes go through unframed from here on; those already read belong to the tunnel. */
  openTunnel(): void {
    const { timers } = this.#owner;
    this.#phase = TUNNEL;
    timers.clear(this.#timer);
    // In a tunnel silence is normal.
    this.#sender.expect(this.#timeouts.tunnelIdleMs, 0);
    this.#sender.flush();
    const { bytes, start, end } = this.#inbox;
    this.#inbox.clear();
    if (end > start) {
      this.#handler!.onBodyPiece(bytes, start, end);
      this.#handler?.onFlush();
    }
    this.#release(HELD_BY_PIPELINE);
    if (this.#hasClientEnded) this.#handler?.onEnd(null);
  }

  #checkPace(): void {
    const { timers } = this.#owner;
    const reader = this.#bodyReader!;
    const late = reader.judge(timers.nowMs, this.#limits, this.#timeouts);
    if (late === null) timers.set(this.#timer, reader.nextCheckMs(timers.nowMs, this.#timeouts));
    else this.#refuseBody(late);
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
    this.#handler = null;
    this.#inbox.clear();
    this.#phase = LINGER;
    this.#sender.finish();
    if (this.#hasClientEnded && this.socket.queuedBytes === 0) {
      this.close();
      return;
    }
    this.#holds = 0;
    this.socket.resume();
    this.#awaitReader();
  }

  /** Both directions have ended: the socket closes by itself once the rest is written. */
  #awaitClose(): void {
    this.#phase = LINGER;
    this.#handler = null;
    this.#awaitReader();
  }

  /** A client that still reads gets the time of any slow reader, for as long as it goes on. */
  #awaitReader(): void {
    this.#queuedAtCheck = this.socket.queuedBytes;
    this.#owner.timers.set(this.#timer, this.#queuedAtCheck > 0 ? this.#timeouts.sendIdleMs : LINGER_MS);
  }

  #lingerOn(): void {
    const takenBytes = this.#queuedAtCheck - this.socket.queuedBytes;
    const enoughBytes = (this.#limits.rateBytesPerSecondMin * this.#timeouts.sendIdleMs) / 1000;
    const isAllTaken = this.socket.queuedBytes === 0;
    if (takenBytes > 0 && (isAllTaken || takenBytes >= enoughBytes)) this.#awaitReader();
    else this.close();
  }

  /** Ends politely between two requests: FIN first, so that a request that crosses it isn't answered with a reset. */
  leave(): void {
    if (this.isIdle) this.#linger();
  }

  /** Ends now; `reason` is for the request under way. */
  close(reason: Fault = fault.DRAINING): void {
    if (this.#phase === CLOSED) return;
    this.#sender.flush();
    this.#drop();
    this.#fail(reason);
  }

  /** The client takes nothing: what is queued will never arrive. */
  #cut(reason: Fault): void {
    this.socket.reset();
    this.#fail(reason);
  }

  #fail(reason: Fault): void {
    const handler = this.#handler;
    this.#closed();
    handler?.onFault(reason);
  }

  #closed(): void {
    this.#phase = CLOSED;
    this.#handler = null;
    this.#inbox.clear();
    this.#owner.timers.remove(this.#timer);
    this.#sender.close();
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }
}
