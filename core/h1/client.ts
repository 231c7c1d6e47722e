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

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { METHOD_HEAD, type RequestHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { checkResponse } from "../http/response-rules.ts";
import { hasNoBody } from "../http/status.ts";
import type { RequestWriter, ResponseHandler } from "../http/wire.ts";
import type { Socket, SocketError, SocketHandler } from "../runtime.ts";
import { Timed } from "../time/timers.ts";
import type { ClientOwner, CycleRules } from "./client-owner.ts";
import { consumeHead } from "./consume-head.ts";
import { type Cycle, giveCycle, setHeadApart, takeCycle } from "./cycle.ts";
import { isGoodbye } from "./goodbye.ts";
import type { BodySink } from "./parse-body.ts";
import { INCOMPLETE, parseResponseHead } from "./parse-head.ts";

const IDLE = 0;
const WAITING = 1;
const HEAD_ONLY = 2;
const BODY = 3;
const ANSWERED = 4;
const TUNNEL = 5;
const CLOSED = 6;

export class ClientConnection extends Timed implements SocketHandler, RequestWriter, BodySink {
  readonly socket: Socket;
  readonly #owner: ClientOwner<ClientConnection>;
  /** Null between cycles. After a cycle that went wrong it stays: somebody may be in the middle of reading. */
  #cycle: Cycle | null = null;
  #phase = IDLE;
  #keepsAlive = true;
  #poolIdleMs: number;
  above: ClientConnection | null = null; // this and `below` are the pool's, while it rests
  below: ClientConnection | null = null;
  /** It has rested, maybe without ever having served, and the server may have thought better of it meanwhile. */
  isReused = false;
  /** NTLM and Negotiate authenticate the connection: it may serve this client only (row P08). */
  isBound = false;
  /** The last response had no body whatever its head said: some servers send one, where the next response would begin. */
  endedWithHead = false;

  constructor(socket: Socket, owner: ClientOwner<ClientConnection>) {
    super();
    this.socket = socket;
    this.#owner = owner;
    this.#poolIdleMs = owner.poolIdleMs;
    socket.handler = this;
    socket.resume();
  }

  get isClosed(): boolean {
    return this.#phase === CLOSED;
  }

  get hasHeard(): boolean {
    return this.#cycle?.hasHeard ?? false;
  }

  /** Nothing of this cycle stands out, on either side, and both sides would go on. */
  get isReusable(): boolean {
    if (this.#phase !== ANSWERED) return false;
    const { sender, inbox } = this.#cycle!;
    return sender.isSent && this.#keepsAlive && inbox.length === 0;
  }

  /** Starts a cycle; `head` follows at once. */
  begin(handler: ResponseHandler, rules: CycleRules, requestMethod: number, isUpgradeAsked: boolean): void {
    if (this.#phase !== IDLE) throw new Error("a request was begun on an upstream connection that is not idle");
    const cycle = takeCycle(this.socket, this.#owner.slab);
    this.#cycle = cycle;
    cycle.handler = handler;
    cycle.rules = rules;
    cycle.requestMethod = requestMethod;
    cycle.isUpgradeAsked = isUpgradeAsked;
    // Refused or not, nobody knows what the server makes of the bytes behind it.
    if (isUpgradeAsked) this.#keepsAlive = false;
    cycle.idleMs = rules.timeouts.responseIdleMs;
    this.#phase = WAITING;
    this.#owner.timers.clear(this);
  }

  /** After a cycle with `isReusable`, and once when new: rests until the next one, for `idleMsMax` at most. */
  rest(idleMsMax = Number.POSITIVE_INFINITY): void {
    if (this.#cycle !== null) giveCycle(this.#cycle, this.socket);
    this.#cycle = null;
    this.#phase = IDLE;
    this.isReused = true;
    this.#owner.timers.set(this, Math.min(this.#poolIdleMs, idleMsMax));
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
    this.#phase = CLOSED;
    this.#owner.timers.remove(this);
    if (this.#cycle === null) return;
    this.#cycle.handler = null;
    this.#cycle.inbox.clear();
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────────

  head(outgoing: OutgoingHead, incoming: RequestHead): void {
    this.#cycle!.sender.head(outgoing, incoming);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    const cycle = this.#cycle!;
    cycle.lastMoveMs = this.#owner.timers.nowMs;
    cycle.sender.body(bytes, start, end);
    return this.#isWritable(cycle);
  }

  end(_trailers: null): void {
    const { sender, rules } = this.#cycle!;
    if (this.#phase === TUNNEL) {
      sender.finish();
      return;
    }
    sender.end();
    if (this.#phase === WAITING) this.#owner.timers.set(this, rules!.timeouts.firstByteMs);
  }

  flush(): void {
    const cycle = this.#cycle!;
    cycle.sender.flush();
    this.#isWritable(cycle);
  }

  /** While the server takes nothing it is given the time a silent response has. */
  #isWritable(cycle: Cycle): boolean {
    if (!cycle.sender.isBlocked) return true;
    if (this.#phase === WAITING && this.deadlineMs === 0) this.#awaitTaking(cycle);
    return false;
  }

  #awaitTaking({ sender, rules }: Cycle): void {
    sender.noteTaken();
    this.#owner.timers.set(this, rules!.timeouts.sendIdleMs);
  }

  hold(): void {
    const cycle = this.#cycle!;
    if (!cycle.isHeld) this.socket.pause();
    cycle.isHeld = true;
  }

  release(): void {
    const cycle = this.#cycle!;
    if (!cycle.isHeld || this.#phase === HEAD_ONLY) return;
    cycle.lastMoveMs = this.#owner.timers.nowMs;
    cycle.isHeld = false;
    this.socket.resume();
  }

  // ── from the socket ────────────────────────────────────────────────────────────────────────────────────────

  onData(_socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    const cycle = this.#cycle;
    // Bytes nobody asked for: the answer to somebody else's smuggled request, or a goodbye. Never a response.
    if (cycle === null) {
      if (this.endedWithHead && !isGoodbye(bytes, start, end)) this.#owner.onStrayBody?.();
      this.close();
      return;
    }
    cycle.lastMoveMs = this.#owner.timers.nowMs;
    switch (this.#phase) {
      case TUNNEL:
        cycle.handler?.onBodyPiece(bytes, start, end);
        cycle.handler?.onFlush();
        this.socket.release(bytes);
        break;
      case BODY:
        this.#readBody(cycle, bytes, start, end);
        this.socket.release(bytes); // no head lies in it, and all pieces are written
        break;
      case WAITING:
        cycle.hasHeard = true;
        this.#readHeads(cycle, cycle.inbox.append(bytes, start, end));
        break;
      default:
        this.#keepsAlive = false;
    }
  }

  onDrain(_socket: Socket): void {
    const cycle = this.#cycle;
    if (cycle === null) return;
    cycle.sender.drained();
    if (this.#phase === WAITING && !cycle.sender.isDone) this.#owner.timers.clear(this);
    cycle.handler?.onWritable();
  }

  onEnd(_socket: Socket): void {
    const cycle = this.#cycle;
    this.#keepsAlive = false;
    if (cycle === null) {
      this.close();
      return;
    }
    switch (this.#phase) {
      case TUNNEL:
        cycle.handler!.onEnd(null);
        cycle.handler?.onFlush();
        break;
      case BODY:
        if (cycle.decoder.endsWithConnection) this.#answered(cycle, null);
        else this.#fail(fault.RESPONSE_TRUNCATED);
        break;
      case WAITING:
        this.#fail(fault.UPSTREAM_CLOSED);
        break;
    }
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.#keepsAlive = false;
    if (this.#cycle !== null) this.#cycle.isLost = true;
    // What came of it is complete, maybe: that is found out when the handler wants it.
    if (this.#phase !== CLOSED && this.#phase !== HEAD_ONLY) {
      const lost = error === null ? fault.UPSTREAM_CLOSED : fault.UPSTREAM_RESET;
      this.#fail(this.#phase === BODY ? fault.RESPONSE_TRUNCATED : lost);
    }
    this.#owner.onConnectionClosed(this);
  }

  override onTimer(): void {
    const cycle = this.#cycle;
    if (cycle === null) {
      this.close();
    } else if (this.#phase === WAITING) {
      if (cycle.sender.isDone) this.#fail(fault.FIRST_BYTE_TIMEOUT);
      else if (cycle.sender.noteTaken()) this.#awaitTaking(cycle);
      else this.#fail(fault.UPSTREAM_SEND_TIMEOUT);
    } else {
      // Silence while we don't listen is not the server's.
      const silentMs = cycle.isHeld ? 0 : this.#owner.timers.nowMs - cycle.lastMoveMs;
      if (silentMs < cycle.idleMs) this.#owner.timers.set(this, cycle.idleMs - silentMs);
      else this.#fail(this.#phase === TUNNEL ? fault.TUNNEL_IDLE : fault.RESPONSE_TIMEOUT);
      if (this.#phase === BODY) setHeadApart(cycle, this.socket);
    }
  }

  /** How long a silent body is waited for: event streams are silent by nature. */
  allowSilence(idleMs: number): void {
    this.#cycle!.idleMs = idleMs;
  }

  // ── responses ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Interim heads, then the final one and what came with it. */
  #readHeads(cycle: Cycle, moved: number): void {
    const { inbox, head } = cycle;
    if (moved > 0) head.shift(inbox.bytes, moved);
    while (this.#phase === WAITING && inbox.length > 0) {
      const at = parseResponseHead(head, inbox.bytes, inbox.start, inbox.end, cycle.rules!.responseBounds);
      if (at === INCOMPLETE) return;
      const refused = at < 0 ? at : checkResponse(head, cycle.requestMethod);
      if (refused < 0) {
        const isStray = this.endedWithHead && cycle.interims === 0 && !head.progress.inFields;
        if (isStray) this.#owner.onStrayBody?.();
        this.#fail(isStray ? fault.STRAY_BODY : fault.upstreamRefusal(refused));
        return;
      }
      if (head.status >= 200) {
        this.#readFinal(cycle, at);
        return;
      }
      if (!this.#readInterim(cycle, at)) return;
    }
  }

  #readFinal(cycle: Cycle, at: number): void {
    const { head, inbox } = cycle;
    this.#keepsAlive &&= head.keepsAlive;
    cycle.headChunk = consumeHead(head, inbox, at);
    this.#phase = BODY;
    cycle.decoder.begin(head.body, head.bodyLength);
    this.#owner.timers.set(this, cycle.idleMs);
    cycle.handler!.onHead(head);
    if (this.#phase === BODY) this.#readRest(cycle);
  }

  /** Within `onHead`: the head stays, and what has come of the body waits with the rest of it, until `goOn` or `close`. */
  defer(): void {
    if (this.#phase !== BODY) throw new Error("a response was deferred outside its head");
    this.#phase = HEAD_ONLY;
    this.#owner.timers.clear(this);
    this.hold();
  }

  /** After `defer`: the body follows, its first part in this call. */
  goOn(): void {
    if (this.#phase !== HEAD_ONLY) return;
    const cycle = this.#cycle!;
    this.#phase = BODY;
    this.#owner.timers.set(this, Math.min(cycle.idleMs, cycle.rules!.timeouts.responseIdleMs)); // as in #readFinal: then it is long
    this.release();
    this.#readRest(cycle);
    if (this.#phase === BODY && cycle.isLost) this.#fail(fault.RESPONSE_TRUNCATED);
  }

  #readRest(cycle: Cycle): void {
    const { bytes, start, end, freeChunk } = cycle.inbox;
    cycle.inbox.clear();
    this.#readBody(cycle, bytes, start, end);
    if (freeChunk !== null) this.socket.release(freeChunk);
  }

  #readInterim(cycle: Cycle, at: number): boolean {
    const { head, rules } = cycle;
    const isUpgrade = head.status === 101;
    if (isUpgrade && cycle.isUpgradeAsked && cycle.sender.isDone) {
      this.#switchProtocols(cycle, at);
      return false;
    }
    if (isUpgrade || ++cycle.interims > rules!.limits.interimResponsesMax) {
      this.#fail(isUpgrade ? fault.UNEXPECTED_UPGRADE : fault.TOO_MANY_INTERIM);
      return false;
    }
    cycle.handler!.onInterim(head);
    head.clear();
    cycle.inbox.consume(at);
    return this.#phase === WAITING;
  }

  #switchProtocols(cycle: Cycle, at: number): void {
    const { inbox } = cycle;
    this.#phase = TUNNEL;
    this.#keepsAlive = false;
    cycle.idleMs = cycle.rules!.timeouts.tunnelIdleMs;
    this.#owner.timers.set(this, cycle.idleMs);
    const { bytes, end } = inbox;
    inbox.clear();
    cycle.handler!.onHead(cycle.head);
    if (end > at) cycle.handler?.onBodyPiece(bytes, at, end);
    cycle.handler?.onFlush();
  }

  #readBody(cycle: Cycle, bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase !== BODY) return;
    const { decoder } = cycle;
    const at = decoder.decode(bytes, start, end, cycle.rules!.limits, this);
    if (this.#phase !== BODY) return;
    if (at < 0) this.#fail(fault.upstreamRefusal(at));
    else if (!decoder.isDone) cycle.handler!.onFlush();
    else {
      // Whatever follows the response was not asked for (RFC 9112 section 6.3): the connection is spoilt.
      if (at < end) this.#keepsAlive = false;
      this.#answered(cycle, decoder.trailers);
    }
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.#cycle!.handler?.onBodyPiece(bytes, start, end);
  }

  /** The handler may give the connection back, and others may begin with this cycle, in this very call: nothing follows it. */
  #answered(cycle: Cycle, trailers: Fields | null): void {
    this.#phase = ANSWERED;
    this.endedWithHead = cycle.requestMethod === METHOD_HEAD || hasNoBody(cycle.head.status);
    this.#owner.timers.clear(this);
    this.release();
    cycle.handler!.onEnd(trailers);
  }

  #fail(reason: Fault): void {
    const handler = this.#cycle === null ? null : this.#cycle.handler;
    this.close();
    handler?.onFault(reason);
  }
}
