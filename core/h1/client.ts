/**
 * One connection to an upstream server: requests out, responses in, one at a time. Between cycles it rests in the
 * pool; the smallest doubt about its state and it is never used again (hostile-input group P).
 *
 *     IDLE ── begin ─► WAITING ── final head ─► BODY ── end ─► ANSWERED ── request sent, too ─► IDLE
 *                         │ 1xx: stays        │    ▲                any doubt ─► CLOSED
 *                         │             defer │    │ goOn
 *                         │                   └► HEAD_ONLY: the handler has yet to decide; no body is delivered
 *                         └── 101 ─► TUNNEL ─► CLOSED
 */

import { Inbox } from "../bytes/inbox.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { type RequestHead, ResponseHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { checkResponse } from "../http/response-rules.ts";
import type { RequestWriter, ResponseHandler } from "../http/wire.ts";
import type { Socket, SocketError, SocketHandler } from "../runtime.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import type { ClientOwner, CycleRules } from "./client-owner.ts";
import { consumeHead } from "./consume-head.ts";
import { HoldGate } from "./hold-gate.ts";
import { BodyDecoder, type BodySink } from "./parse-body.ts";
import { INCOMPLETE, parseResponseHead } from "./parse-head.ts";
import { RequestSender } from "./request-sender.ts";

const IDLE = 0;
const WAITING = 1;
const HEAD_ONLY = 2;
const BODY = 3;
const ANSWERED = 4;
const TUNNEL = 5;
const CLOSED = 6;

export class ClientConnection implements SocketHandler, RequestWriter, BodySink, TimerOwner {
  readonly socket: Socket;
  readonly #owner: ClientOwner<ClientConnection>;
  readonly #inbox = new Inbox();
  readonly #sender: RequestSender;
  readonly #gate: HoldGate;
  readonly #timer: Timer;
  readonly #head = new ResponseHead();
  #headChunk: Uint8Array | null = null; // what `#head` lies in, released with it
  readonly #decoder = new BodyDecoder();
  #handler: ResponseHandler | null = null;
  #rules: CycleRules | null = null;
  #phase = IDLE;
  #requestMethod = 0;
  #isUpgradeAsked = false;
  #interims = 0;
  /** Anything came in this cycle, be it half a head. */
  hasHeard = false;
  #keepsAlive = true;
  /** The socket is gone; only a deferred response outlives it. */
  #isLost = false;
  #lastMoveMs = 0;
  #idleMs = 0;
  #poolIdleMs: number;
  /** It has rested, maybe without ever having served, and the server may have thought better of it meanwhile. */
  isReused = false;
  /** NTLM and Negotiate authenticate the connection: it may serve this client only (row P08). */
  isBound = false;

  constructor(socket: Socket, owner: ClientOwner<ClientConnection>) {
    this.socket = socket;
    this.#owner = owner;
    this.#sender = new RequestSender(socket, owner.slab);
    this.#gate = new HoldGate(socket);
    this.#timer = new Timer(this);
    this.#poolIdleMs = owner.poolIdleMs;
    socket.handler = this;
    socket.resume();
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }

  /** Nothing of this cycle stands out, on either side, and both sides would go on. */
  get isReusable(): boolean {
    return this.#phase === ANSWERED && this.#sender.isSent && this.#keepsAlive && this.#inbox.length === 0;
  }

  /** Starts a cycle; `head` follows at once. */
  begin(handler: ResponseHandler, rules: CycleRules, requestMethod: number, isUpgradeAsked: boolean): void {
    if (this.#phase !== IDLE) throw new Error("a request was begun on an upstream connection that is not idle");
    this.#handler = handler;
    this.#rules = rules;
    this.#requestMethod = requestMethod;
    this.#isUpgradeAsked = isUpgradeAsked;
    // Refused or not, nobody knows what the server makes of the bytes behind it.
    if (isUpgradeAsked) this.#keepsAlive = false;
    this.#sender.begin();
    this.#interims = 0;
    this.hasHeard = false;
    this.#idleMs = rules.timeouts.responseIdleMs;
    this.#phase = WAITING;
    this.#owner.timers.clear(this.#timer);
  }

  /** After a cycle with `isReusable`, and once when new: rests until the next one, for `idleMsMax` at most. */
  rest(idleMsMax = Number.POSITIVE_INFINITY): void {
    this.#handler = null;
    this.#head.clear();
    if (this.#headChunk !== null) this.socket.release(this.#headChunk);
    this.#headChunk = null;
    this.#phase = IDLE;
    this.isReused = true;
    this.#owner.timers.set(this.#timer, Math.min(this.#poolIdleMs, idleMsMax));
  }

  /** Seconds from the server's `Keep-Alive: timeout`: we leave one second before it does (row P10). */
  shortenIdle(timeoutSeconds: number): void {
    this.#poolIdleMs = Math.min(this.#owner.poolIdleMs, Math.max(timeoutSeconds - 1, 0) * 1000);
    if (timeoutSeconds <= 1) this.#keepsAlive = false;
  }

  /** Never to be used again after this cycle. */
  spoil(): void {
    this.#keepsAlive = false;
  }

  close(): void {
    if (this.#phase === CLOSED) return;
    // In a tunnel an ordinary end would look like the end of what the client had to say.
    if (this.#phase === TUNNEL) this.socket.reset();
    else this.socket.destroy();
    this.#closed();
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────────

  head(outgoing: OutgoingHead, incoming: RequestHead): void {
    this.#sender.head(outgoing, incoming);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    this.#lastMoveMs = this.#owner.timers.nowMs;
    this.#sender.body(bytes, start, end);
    return this.#isWritable();
  }

  end(trailers: Fields | null): void {
    if (this.#phase === TUNNEL) {
      this.#sender.finish();
      return;
    }
    this.#sender.end(trailers);
    if (this.#phase === WAITING) this.#owner.timers.set(this.#timer, this.#rules!.timeouts.firstByteMs);
  }

  flush(): void {
    this.#sender.flush();
    this.#isWritable();
  }

  /** While the server takes nothing it is given the time a silent response has. */
  #isWritable(): boolean {
    if (!this.#sender.isBlocked) return true;
    if (this.#phase === WAITING && this.#timer.deadlineMs === 0) this.#awaitTaking();
    return false;
  }

  #awaitTaking(): void {
    this.#sender.hasMoved();
    this.#owner.timers.set(this.#timer, this.#rules!.timeouts.sendIdleMs);
  }

  hold(): void {
    this.#gate.hold();
  }

  release(): void {
    if (this.#gate.isOpen || this.#phase === HEAD_ONLY) return;
    this.#lastMoveMs = this.#owner.timers.nowMs;
    this.#gate.release();
  }

  // ── from the socket ────────────────────────────────────────────────────────────────────────────────────────

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.#lastMoveMs = this.#owner.timers.nowMs;
    switch (this.#phase) {
      case TUNNEL:
        this.#handler?.onBodyPiece(bytes, 0, bytes.length);
        this.#handler?.onFlush();
        this.socket.release(bytes);
        break;
      case BODY:
        this.#readBody(bytes, 0, bytes.length);
        this.socket.release(bytes); // no head lies in it, and all pieces are written
        break;
      case WAITING: {
        this.hasHeard = true;
        const moved = this.#inbox.append(bytes);
        if (moved > 0) this.#head.shift(this.#inbox.bytes, moved);
        this.#readHeads();
        break;
      }
      default:
        // Bytes nobody asked for: the answer to somebody else's smuggled request, or a goodbye. Never a response.
        this.#keepsAlive = false;
        if (this.#phase === IDLE) this.close();
    }
  }

  onDrain(_socket: Socket): void {
    this.#sender.drained();
    if (this.#phase === WAITING && !this.#sender.isDone) this.#owner.timers.clear(this.#timer);
    this.#handler?.onWritable();
  }

  onEnd(_socket: Socket): void {
    this.#keepsAlive = false;
    switch (this.#phase) {
      case TUNNEL:
        this.#handler!.onEnd(null);
        this.#handler?.onFlush();
        break;
      case BODY:
        if (this.#decoder.endsWithConnection) this.#answered(null);
        else this.#fail(fault.RESPONSE_TRUNCATED);
        break;
      case WAITING:
        this.#fail(fault.UPSTREAM_CLOSED);
        break;
      case IDLE:
        this.close();
        break;
    }
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.#isLost = true;
    this.#keepsAlive = false;
    // What came of it is complete, maybe: that is found out when the handler wants it.
    if (this.#phase !== CLOSED && this.#phase !== HEAD_ONLY) {
      const lost = error === null ? fault.UPSTREAM_CLOSED : fault.UPSTREAM_RESET;
      this.#fail(this.#phase === BODY ? fault.RESPONSE_TRUNCATED : lost);
    }
    this.#owner.onConnectionClosed(this);
  }

  onTimer(): void {
    const { timers } = this.#owner;
    switch (this.#phase) {
      case IDLE:
        this.close();
        break;
      case WAITING:
        if (this.#sender.isDone) this.#fail(fault.FIRST_BYTE_TIMEOUT);
        else if (this.#sender.hasMoved()) this.#awaitTaking();
        else this.#fail(fault.UPSTREAM_SEND_TIMEOUT);
        break;
      default: {
        // Silence while we don't listen is not the server's.
        const silentMs = !this.#gate.isOpen ? 0 : timers.nowMs - this.#lastMoveMs;
        if (silentMs < this.#idleMs) timers.set(this.#timer, this.#idleMs - silentMs);
        else this.#fail(this.#phase === TUNNEL ? fault.TUNNEL_IDLE : fault.RESPONSE_TIMEOUT);
      }
    }
  }

  /** How long a silent body is waited for: event streams are silent by nature. */
  allowSilence(idleMs: number): void {
    this.#idleMs = idleMs;
  }

  // ── responses ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Interim heads, then the final one and what came with it. */
  #readHeads(): void {
    const inbox = this.#inbox;
    while (this.#phase === WAITING && inbox.length > 0) {
      const head = this.#head;
      const at = parseResponseHead(head, inbox.bytes, inbox.start, inbox.end, this.#rules!.responseBounds);
      if (at === INCOMPLETE) return;
      const refused = at < 0 ? at : checkResponse(head, this.#requestMethod);
      if (refused < 0) {
        this.#fail(fault.upstreamRefusal(refused));
        return;
      }
      if (head.status < 200) {
        if (!this.#readInterim(head, at)) return;
        continue;
      }
      this.#keepsAlive &&= head.keepsAlive;
      const chunk = inbox.freeChunk;
      this.#headChunk = consumeHead(head, inbox, at) ? null : chunk;
      this.#phase = BODY;
      this.#decoder.begin(head.body, head.bodyLength);
      this.#owner.timers.set(this.#timer, this.#idleMs);
      this.#handler!.onHead(head);
      if (this.#phase === BODY) this.#readRest();
    }
  }

  /** Within `onHead`: the head stays, and what has come of the body waits with the rest of it, until `goOn` or `close`. */
  defer(): void {
    if (this.#phase !== BODY) throw new Error("a response was deferred outside its head");
    this.#phase = HEAD_ONLY;
    this.#owner.timers.clear(this.#timer);
    this.hold();
  }

  /** After `defer`: the body follows, its first part in this call. */
  goOn(): void {
    if (this.#phase !== HEAD_ONLY) return;
    this.#phase = BODY;
    this.#owner.timers.set(this.#timer, this.#idleMs);
    this.release();
    this.#readRest();
    if (this.#phase === BODY && this.#isLost) this.#fail(fault.RESPONSE_TRUNCATED);
  }

  #readRest(): void {
    const { bytes, start, end, freeChunk } = this.#inbox;
    this.#inbox.clear();
    this.#readBody(bytes, start, end);
    if (freeChunk !== null) this.socket.release(freeChunk);
  }

  #readInterim(head: ResponseHead, at: number): boolean {
    const isUpgrade = head.status === 101;
    if (isUpgrade && this.#isUpgradeAsked && this.#sender.isDone) {
      this.#switchProtocols(head, at);
      return false;
    }
    if (isUpgrade || ++this.#interims > this.#rules!.limits.interimResponsesMax) {
      this.#fail(isUpgrade ? fault.UNEXPECTED_UPGRADE : fault.TOO_MANY_INTERIM);
      return false;
    }
    this.#handler!.onInterim(head);
    head.clear();
    this.#inbox.consume(at);
    return this.#phase === WAITING;
  }

  #switchProtocols(head: ResponseHead, at: number): void {
    this.#phase = TUNNEL;
    this.#keepsAlive = false;
    this.#idleMs = this.#rules!.timeouts.tunnelIdleMs;
    this.#owner.timers.set(this.#timer, this.#idleMs);
    const { bytes, end } = this.#inbox;
    this.#inbox.clear();
    this.#handler!.onHead(head);
    if (end > at) this.#handler?.onBodyPiece(bytes, at, end);
    this.#handler?.onFlush();
  }

  #readBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase !== BODY) return;
    const at = this.#decoder.decode(bytes, start, end, this.#rules!.limits, this);
    if (this.#phase !== BODY) return;
    if (at < 0) {
      this.#fail(fault.upstreamRefusal(at));
      return;
    }
    if (!this.#decoder.isDone) {
      this.#handler!.onFlush();
      return;
    }
    // Whatever follows the response was not asked for (RFC 9112 section 6.3): the connection is spoilt.
    if (at < end) this.#keepsAlive = false;
    this.#answered(this.#decoder.trailers);
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.#handler?.onBodyPiece(bytes, start, end);
  }

  /** The handler may give the connection back and begin its next cycle in this very call: nothing follows it. */
  #answered(trailers: Fields | null): void {
    this.#phase = ANSWERED;
    this.#owner.timers.clear(this.#timer);
    this.release();
    this.#handler!.onEnd(trailers);
  }

  #fail(reason: Fault): void {
    const handler = this.#handler;
    this.#closed();
    this.socket.destroy();
    handler?.onFault(reason);
  }

  #closed(): void {
    this.#phase = CLOSED;
    this.#handler = null;
    this.#inbox.clear();
    this.#owner.timers.remove(this.#timer);
  }
}
