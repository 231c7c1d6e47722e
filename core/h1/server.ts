/**
 * One client connection: requests in, responses out, in order. Owns the socket, what was read and not used yet, and
 * the deadlines of the client's side; the exchange that handles the current request decides everything else.
 *
 *                 complete head               request complete
 *     READ_HEAD ──────────────► READ_BODY ──────────────► ANSWERING ──┐ response complete, kept alive
 *      ▲  ▲          └── without body ────────────────────►           │
 *      │  └───────────────────────────────────────────────────────────┘
 *      └────── SKIP_BODY ◄── READ_BODY, answered by ourselves before a small body was read
 *     any ── refused, or answered before a larger body was read ─► CLOSED (farewell.ts)
 *     ANSWERING ── 101 ─► TUNNEL ─► CLOSED
 */

import { Inbox } from "../bytes/inbox.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_NONE, type RequestHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { checkRequest } from "../http/request-rules.ts";
import type { ClientWriter, RequestHandler } from "../http/wire.ts";
import { LINGER_MS, type Limits, REST_MS, TICK_MS, type Timeouts } from "../limits.ts";
import type { Socket, SocketError, SocketHandler } from "../runtime.ts";
import { Timed } from "../time/timers.ts";
import { BodyReader } from "./body-reader.ts";
import { consumeHead } from "./consume-head.ts";
import { Farewell, patienceOf } from "./farewell.ts";
import { giveHead, setApart, takeHead } from "./head-pool.ts";
import { HoldGate } from "./hold-gate.ts";
import type { BodySink } from "./parse-body.ts";
import { INCOMPLETE, isBlank, parseRequestHead } from "./parse-head.ts";
import { ResponseSender } from "./response-sender.ts";
import type { ServerOwner } from "./server-owner.ts";
import { SilenceWatch } from "./silence-watch.ts";

const READ_HEAD = 0;
const READ_BODY = 1;
const SKIP_BODY = 2;
const ANSWERING = 3;
const TUNNEL = 4;
const CLOSED = 5;
const HELD_BY_EXCHANGE = 1;
const HELD_BY_PIPELINE = 2;

export class ServerConnection extends Timed implements SocketHandler, ClientWriter, BodySink {
  readonly socket: Socket;
  readonly #owner: ServerOwner;
  readonly #inbox = new Inbox();
  readonly #sender: ResponseSender;
  readonly #gate: HoldGate;
  #bodyReader: BodyReader | null = null;
  #silenceWatch: SilenceWatch | null = null;
  #head: RequestHead | null = null;
  handler: RequestHandler | null = null; // of the request under way
  #phase = READ_HEAD;
  #isProcessing = false;
  #hasClientEnded = false;
  #hasClientSaidAll = false; // nothing is missing of this request, its last by its own word (RFC 9112 section 9.6)
  #hasEnded = false;
  #isInHead = false; // it has begun to arrive: its absolute deadline runs
  #isFirst = true;
  idleSinceMs: number; // since when no request has begun to arrive; only while `isIdle`
  #isResponseDone = false;
  #keepsAlive = true;
  #limits: Limits; // of the current request: the owner's, or those of its route
  #timeouts: Timeouts;

  constructor(socket: Socket, owner: ServerOwner) {
    super();
    this.socket = socket;
    this.#owner = owner;
    this.#sender = new ResponseSender(socket, owner.slab, owner.timers, (reason) => {
      socket.reset(); // what is queued will never arrive
      const told = this.#phase === TUNNEL ? fault.TUNNEL_IDLE : reason; // which time was over
      this.#closed()?.onFault(told);
    });
    this.#gate = new HoldGate(socket);
    this.#limits = owner.limits;
    this.#timeouts = owner.timeouts;
    this.idleSinceMs = owner.timers.nowMs;
    this.#sender.expect(owner.timeouts.sendIdleMs, owner.limits.rateBytesPerSecondMin);
    socket.handler = this;
    owner.timers.set(this, owner.timeouts.requestHeadMs); // no byte at all by then: closed without an answer (S01)
    socket.resume();
  }

  get isIdle(): boolean {
    return this.#phase === SKIP_BODY || (this.#phase === READ_HEAD && !this.#isInHead);
  }

  // ── from the socket ────────────────────────────────────────────────────────────────────────────────────────

  onData(_socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase === TUNNEL) {
      this.handler?.onBodyPiece(bytes, start, end);
      this.handler?.onFlush();
      this.socket.release(bytes);
      return;
    }
    const moved = this.#inbox.append(bytes, start, end);
    if (moved > 0 && this.#phase === READ_HEAD) this.#head?.shift(this.#inbox.bytes, moved);
    this.#process();
  }

  onDrain(_socket: Socket): void {
    this.#sender.drained();
    this.handler?.onWritable();
    if (this.#phase === READ_HEAD) this.#process();
  }

  onEnd(_socket: Socket): void {
    this.#hasClientEnded = true;
    switch (this.#phase) {
      case TUNNEL:
        this.handler?.onEnd(null);
        this.handler?.onFlush();
        if (this.#hasEnded) this.#sayFarewell();
        break;
      case ANSWERING:
        // It may only have closed its sending half; the answer is still due.
        this.#keepsAlive = false;
        this.#silenceWatch = new SilenceWatch(this.#sender, this.#owner.timers, this.#timeouts.halfClosedMs, () =>
          this.close(fault.CLIENT_CLOSED),
        );
        break;
      case READ_BODY:
        this.close(fault.CLIENT_CLOSED);
        break;
      default:
        this.#leave();
    }
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.#closed()?.onFault(error === null ? fault.CLIENT_CLOSED : fault.CLIENT_RESET);
    this.#owner.onConnectionClosed();
  }

  override onTimer(): void {
    if (this.#phase === READ_BODY) this.#checkPace();
    else if (this.#phase === ANSWERING) this.#gate.wake();
    else if (this.#phase === READ_HEAD && this.#isInHead) this.#owner.refuse(fault.CLIENT_HEAD_TIMEOUT, this.#head!);
    else this.#leave();
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
      this.#gate.hold(HELD_BY_PIPELINE);
      return;
    }
    if (this.#phase === READ_HEAD && this.#hasClientEnded) this.#leave();
    this.#gate.release(HELD_BY_PIPELINE);
  }

  #readHead(): boolean {
    const owner = this.#owner;
    const inbox = this.#inbox;
    const head = (this.#head ??= takeHead());
    const at = parseRequestHead(head, inbox.bytes, inbox.start, inbox.end, owner.requestBounds);
    if (at === INCOMPLETE) {
      if (isBlank(inbox.bytes, inbox.start, inbox.end)) return false; // behind a request before (RFC 9112 section 2.2)
      // Of the first request the deadline runs since the connection was made.
      if (!this.#isInHead && !this.#isFirst) owner.timers.set(this, owner.timeouts.requestHeadMs);
      this.#isInHead = true;
      return false;
    }
    const refused = at < 0 ? at : checkRequest(head, this.socket.tls === null ? "http" : "https");
    if (refused < 0) {
      owner.refuse(fault.clientRefusal(refused), head);
      this.#maybeFinish();
      return false;
    }
    head.chunk = consumeHead(head, inbox, at);
    this.#isInHead = false;
    this.#keepsAlive = head.keepsAlive && !(this.#hasClientEnded && inbox.length === 0);
    this.goBy(owner.limits, owner.timeouts);
    const hasBody = head.body !== BODY_NONE;
    this.#hasClientSaidAll = head.minorVersion === 1 && !head.keepsAlive && !hasBody;
    if (this.#hasClientSaidAll && inbox.length === 0 && this.socket.restReading()) owner.timers.set(this, REST_MS);
    else owner.timers.clear(this);
    this.#phase = hasBody ? READ_BODY : ANSWERING;
    if (hasBody) (this.#bodyReader ??= new BodyReader()).begin(head, owner.timers.nowMs);
    this.handler = owner.openExchange(head);
    this.handler.begin(); // which may answer and close at once
    if (!hasBody) this.handler?.onEnd(null);
    else if (this.#phase === READ_BODY) this.#checkPace();
    if (!hasBody || inbox.length === 0) this.handler?.onFlush(); // what came of the body goes on with the head
    this.#maybeFinish();
    return true;
  }

  #readBody(): boolean {
    const reader = this.#bodyReader!;
    const chunk = this.#inbox.freeChunk;
    const refused = reader.read(this.#inbox, this.#limits, this, this.#owner.timers.nowMs);
    if (chunk !== null && this.#inbox.length === 0) this.socket.release(chunk);
    if (this.#phase > SKIP_BODY) return false;
    if (refused < 0) return this.#refuseBody(fault.clientRefusal(refused));
    if (reader.isDone) {
      this.#phase = ANSWERING;
      this.#owner.timers.clear(this);
      this.handler?.onEnd(reader.trailers);
    } else if (reader.hasSkippedTooMuch) return this.#refuseBody(fault.BODY_TOO_LARGE);
    this.handler?.onFlush();
    this.#maybeFinish();
    return true;
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.handler?.onBodyPiece(bytes, start, end);
  }

  /** A broken body: the exchange answers with the fault's status while it still can, else it cuts. */
  #refuseBody(refused: Fault): false {
    this.#inbox.clear();
    this.#keepsAlive = false;
    this.handler?.onFault(refused);
    this.#maybeFinish();
    return false;
  }

  hold(): void {
    this.#gate.hold(HELD_BY_EXCHANGE);
    if (this.#phase === READ_BODY) this.#bodyReader!.hold(this.#owner.timers.nowMs);
  }

  release(): void {
    if (this.#phase === READ_BODY) this.#bodyReader!.release(this.#owner.timers.nowMs);
    this.#gate.release(HELD_BY_EXCHANGE);
  }

  // ── responses ──────────────────────────────────────────────────────────────────────────────────────────────

  interim(outgoing: OutgoingHead): void {
    if (this.#head!.minorVersion === 0) return;
    if (outgoing.status === 100 && this.#phase === READ_BODY) this.#bodyReader!.goOn(this.#owner.timers.nowMs);
    this.#sender.head(outgoing);
  }

  head(outgoing: OutgoingHead): void {
    this.#sender.expect(this.#timeouts.sendIdleMs, this.#limits.rateBytesPerSecondMin);
    const isHttp10 = this.#head?.minorVersion === 0;
    const isRead = this.#phase === ANSWERING || (this.#phase === READ_BODY && this.#bodyReader!.maySkip);
    const mayKeep = this.#keepsAlive && this.#owner.keepsConnection(this.#isFirst) && isRead;
    if (outgoing.status !== 101) this.#keepsAlive = this.#sender.frame(outgoing, isHttp10, mayKeep);
    this.#sender.head(outgoing);
  }

  goBy(limits: Limits, timeouts: Timeouts): void {
    this.#limits = limits;
    this.#timeouts = timeouts;
  }

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
      this.#sender.finish(false);
      if (this.#hasClientEnded) this.#sayFarewell();
      return;
    }
    this.#sender.end(trailers);
    this.#isResponseDone = true;
    if (this.#isProcessing) return;
    this.#maybeFinish();
    if (this.#phase === READ_HEAD) this.#process();
  }

  abort(): void {
    this.#sender.flush(); // a client that hears nothing at all may ask again by itself (RFC 9112 section 9.3.1)
    this.#drop();
    this.#closed();
  }

  /** Without length and chunks, and in a tunnel, an ordinary end would look like the end of the body. */
  #drop(): void {
    if (this.#phase === TUNNEL || this.#sender.isUntilClose) this.socket.reset();
    else this.socket.destroy();
  }

  openTunnel(): void {
    this.#phase = TUNNEL;
    this.#owner.timers.clear(this);
    this.#silenceWatch?.stop();
    this.#sender.expect(this.#timeouts.tunnelIdleMs, 0); // in a tunnel silence is normal
    this.#sender.flush();
    const { bytes, start, end } = this.#inbox;
    this.#inbox.clear();
    if (end > start) {
      this.handler!.onBodyPiece(bytes, start, end);
      this.handler?.onFlush();
    }
    this.setHeadApart();
    this.#gate.wake(HELD_BY_PIPELINE);
    if (this.#hasClientEnded) this.handler?.onEnd(null);
  }

  setHeadApart(): void {
    if (this.#head !== null) setApart(this.#head, this.socket, this.#inbox.endKept());
  }

  #checkPace(): void {
    const { timers } = this.#owner;
    if (this.#sender.isAnswering) return; // it need not send the rest any more (RFC 9112 section 9.5)
    const late = this.#bodyReader!.judge(timers.nowMs, this.#limits, this.#timeouts);
    if (late !== null) this.#refuseBody(late);
    else timers.set(this, this.#bodyReader!.nextCheckMs(timers.nowMs, this.#timeouts));
  }

  // ── between requests, and the end ──────────────────────────────────────────────────────────────────────────

  /** Both halves of a cycle are through: the next request, or the end. */
  #maybeFinish(): void {
    if (!this.#isResponseDone || this.#phase === CLOSED) return;
    if (this.#phase === ANSWERING) {
      // Both messages are complete, so the exchange is over: nobody reads from the head any more.
      if (this.#head !== null) giveHead(this.#head, this.socket, this.#inbox.endKept());
      this.#head = null;
    }
    if (!this.#keepsAlive) this.#leave();
    if (this.#phase > ANSWERING || this.#phase === SKIP_BODY) return;
    const skips = this.#phase === READ_BODY;
    this.#phase = skips ? SKIP_BODY : READ_HEAD;
    if (skips) this.#bodyReader!.skip();
    this.#isFirst = false;
    this.handler = null;
    this.#isResponseDone = skips;
    this.idleSinceMs = this.#owner.timers.nowMs;
    this.#owner.timers.set(this, skips ? LINGER_MS : this.#owner.timeouts.keepAliveIdleMs);
    this.#gate.release(HELD_BY_EXCHANGE);
  }

  /** Everything was said: FIN behind it, and the rest is up to the client. Where that is done, too, waiting is a waste. */
  #leave(): void {
    if (this.#sender.finish(this.#hasClientSaidAll && this.#inbox.length === 0)) this.#closed();
    else this.#sayFarewell();
  }

  #sayFarewell(): void {
    this.#closed();
    new Farewell(this.socket, this.#owner, patienceOf(this.#limits, this.#timeouts), this.#hasClientEnded);
  }

  /** Ends politely between two requests: one that comes within `delayMs` is served, then FIN. May be said again. */
  leave(delayMs = 0): void {
    if (!this.isIdle || this.deadlineMs <= this.#owner.timers.nowMs + TICK_MS + delayMs) return; // it ends sooner anyway
    this.#isFirst = false; // a head that begins now has the time of any other
    if (delayMs === 0) this.#leave();
    else this.#owner.timers.set(this, delayMs);
  }

  /** Ends now. Who waits hears `reason`, if it leaves at once; what is lost of an answer must not look like its end. */
  close(reason: Fault = fault.DRAINING): void {
    const { handler } = this;
    if (this.socket.queuedBytes > 0) this.abort(); // behind that nothing leaves at once
    handler?.onFault(reason);
    if (this.#phase !== CLOSED) this.abort();
    else if (this.socket.queuedBytes > 0) this.#drop();
    else this.socket.destroy();
  }

  /** Answers who was told of the request until now. */
  #closed(): RequestHandler | null {
    const { handler } = this;
    this.#phase = CLOSED;
    this.handler = null;
    this.#inbox.clear();
    this.#owner.timers.remove(this);
    this.#silenceWatch?.stop();
    this.#sender.close();
    return handler;
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }
}
