/**
 * One request and its response, from the complete head to the last byte, as a list of steps:
 *
 *     begin ─► check the loop ─► route ─► limits ─► answer ourselves ───────────────────────► finish
 *                                             └──► tries (tries.ts) ─► relay or tunnel ──────► finish
 *                                                        └─ failed: answer the fault
 *
 * Both sides call in here: the client's connection through `MessageHandler`, the upstream's through `Attempt`.
 */

import { copyOf } from "../bytes/text.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ClientConnection } from "../h1/client.ts";
import type { Fields } from "../http/fields.ts";
import { dropUnsafeTrailers } from "../http/hop.ts";
import * as known from "../http/known-fields.ts";
import { BODY_LENGTH, BODY_NONE, isIdempotent, type RequestHead, type ResponseHead } from "../http/message.ts";
import { type PathReading, readPath } from "../http/path.ts";
import type { RequestHandler } from "../http/wire.ts";
import type { FinishedExchange } from "../observe/events.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Attempt } from "./attempt.ts";
import type { ClientSide } from "./client-side.ts";
import type { Engine } from "./engine.ts";
import { forwardInterim, forwardRequest, forwardResponse, isLooping } from "./forward.ts";
import { RequestBody } from "./request-body.ts";
import { RequestView } from "./request-view.ts";
import { type Answer, answerFault, answerRedirect, sentBytesOf, writeAnswer } from "./respond.ts";
import { bindsConnection, isEventStream, keepAliveSeconds } from "./response-notes.ts";
import { Tries, type TriesOwner } from "./tries.ts";

const NOBODY: readonly Endpoint[] = [];
const BAD_PATH = fault.clientRefusal(-fault.BAD_PATH);

export class Exchange extends RequestView implements RequestHandler, FinishedExchange, TriesOwner {
  #reading: PathReading | null = null;
  #target: string | null = null;
  #body: RequestBody | null = null;
  #tries: Tries | null = null;
  #hasBegun = false;
  #wasSent = false;
  isRequestEnded = false;
  #isResponseEnded = false;
  #isFinished = false;
  #hasResponse = false;
  #hasInterim = false;
  /** The client was told to send its body, which says nothing about who will answer. */
  #hasContinue = false;
  #isTunnel = false;
  #dropsBody = false;
  readonly #startedMs: number;
  // The record of FinishedExchange:
  status = 0;
  responseBytes = 0;
  durationMs = 0;
  firstByteMs = 0;
  fault: Fault | null = null;

  constructor(engine: Engine, client: ClientSide, head: RequestHead) {
    super(engine, client, head);
    this.#startedMs = engine.observer.wantsTimes ? engine.runtime.now() : 0;
  }

  // ── the steps ──────────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const isServed = this.engine.inFlight.enter();
    const refused = isServed ? this.#refusal() : fault.OVERLOADED;
    if (refused !== null) {
      this.#fail(refused);
      return;
    }
    const { group, limits } = this.plan!;
    if (group === null) {
      this.#answerAction();
      return;
    }
    if (this.head.body !== BODY_NONE) {
      this.#body = new RequestBody(this.isRepeatable ? limits.replayBytesMax : 0, this.engine.replayBudget);
    }
    this.#tries = new Tries(this, group);
    this.#tries.begin();
    this.#hasBegun = true;
  }

  /** The server that the request is with now. */
  get endpoint(): Endpoint | null {
    return this.#tries?.current?.endpoint ?? null;
  }

  #refusal(): Fault | null {
    if (isLooping(this.head)) return fault.LOOP;
    return this.#findRoute() ?? this.#checkLength() ?? this.#findTarget();
  }

  #findRoute(): Fault | null {
    const { head, deployment } = this;
    if (!head.pathIsPlain) {
      const reading = readPath(head.pathText);
      if ("refused" in reading) return BAD_PATH;
      this.#reading = reading;
    }
    const match = deployment.snapshot.table.match(this, this.#reading ?? undefined);
    if (match === "ambiguous") return BAD_PATH;
    if (match === null) return fault.NO_ROUTE;
    this.match = match;
    this.plan = deployment.plans.get(match.route)!;
    return null;
  }

  #checkLength(): Fault | null {
    const { limits, timeouts } = this.plan!;
    this.client.connection.goBy(limits, timeouts);
    const isTooLarge = this.head.body === BODY_LENGTH && this.head.bodyLength > limits.requestBodyBytesMax;
    return isTooLarge ? fault.BODY_TOO_LARGE : null;
  }

  /** The client's target goes on byte for byte unless it is rewritten or holds dot segments. */
  #findTarget(): Fault | null {
    const { head } = this;
    const { rewritePath } = this.match!.route;
    if (rewritePath !== null) {
      this.#target = rewritePath(this, this.match!, this.#reading ?? undefined);
      return this.#target === null ? BAD_PATH : null;
    }
    if (this.#reading !== null && this.#reading.forwarded !== head.pathText) {
      this.#target = this.#reading.forwarded + (head.queryStart === -1 ? "" : `?${head.queryText}`);
    }
    return null;
  }

  // ── what its tries go by ───────────────────────────────────────────────────────────────────────────────────

  get tried(): readonly Endpoint[] {
    return this.#tries === null ? NOBODY : this.#tries.tried;
  }
  get hasForwarded(): boolean {
    return this.#hasResponse || this.#hasInterim;
  }
  get isReplayable(): boolean {
    return this.#body === null || this.#body.isReplayable;
  }
  get isIdempotent(): boolean {
    return isIdempotent(this.head.method) || (this.header("idempotency-key") ?? "") !== "";
  }
  get isRepeatable(): boolean {
    return this.isIdempotent || this.plan!.group!.retries.repeatsUnsafe;
  }

  /** The attempt has a connection: everything of the request that is there goes out. */
  sendRequest(attempt: Attempt, connection: ClientConnection): void {
    const body = this.#body;
    const isAgain = this.#wasSent;
    if (isAgain && !this.isReplayable) {
      this.#fail(fault.UPSTREAM_RESET);
      return;
    }
    this.#wasSent = true;
    this.server = attempt.endpoint.label;
    connection.head(forwardRequest(this, this.#target), this.head);
    if (body === null) {
      // Without a body `onEnd` follows at once, or came before the connection.
      if (this.isRequestEnded) connection.end(null);
      return;
    }
    const pieces = isAgain ? body.replay() : body.takePending();
    let isWritable = true;
    for (const piece of pieces) isWritable = connection.body(piece, 0, piece.length);
    if (attempt.connection === null) return;
    if (body.isComplete) connection.end(null);
    else if (this.#hasBegun) connection.flush(); // else the client's turn goes on, and ends with `onFlush`
    if (isWritable) this.client.connection.release();
  }

  // ── from the client ────────────────────────────────────────────────────────────────────────────────────────

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isFinished) return;
    const connection = this.#tries?.current?.connection ?? null;
    if (this.#isTunnel) {
      if (connection?.body(bytes, start, end) === false) this.client.connection.hold();
      return;
    }
    const body = this.#body!;
    body.receive(bytes, start, end);
    if (body.receivedBytes > this.plan!.limits.requestBodyBytesMax) {
      this.#fail(fault.BODY_TOO_LARGE);
    } else if (connection === null) {
      body.keep(copyOf(bytes, start, end));
      this.client.connection.hold();
    } else if (!connection.body(bytes, start, end)) {
      this.client.connection.hold();
    }
  }

  /** Request trailers end here: no upstream has announced that it wants them (RFC 9110 section 6.5.1). */
  onEnd(_trailers: Fields | null): void {
    this.isRequestEnded = true;
    if (this.#isFinished) return;
    if (this.#isTunnel && this.#isResponseEnded) this.#finish(null);
    if (this.#body !== null) this.#body.isComplete = true;
    this.#tries?.current?.connection?.end(null);
  }

  onFlush(): void {
    this.#tries?.current?.connection?.flush();
  }

  /** The client takes more of the response. */
  onWritable(): void {
    this.#tries?.current?.connection?.release();
  }

  onFault(reason: Fault): void {
    // A client that was told to wait for a 100 does so; who is late is the server.
    const waitsForServer =
      this.#body?.receivedBytes === 0 && this.#wasSent && this.head.fields.countOf(known.EXPECT) > 0;
    const isServers =
      reason === fault.CLIENT_BODY_TIMEOUT && waitsForServer && !this.hasForwarded && !this.#hasContinue;
    this.#fail(isServers ? fault.FIRST_BYTE_TIMEOUT : reason);
  }

  // ── from the upstream ──────────────────────────────────────────────────────────────────────────────────────

  onInterim(head: ResponseHead): void {
    // Of two tries only one will answer.
    if (!this.#tries!.isAlone) return;
    if (head.status !== 100) this.#hasInterim = true;
    // A second try has the body already; its client waits for no more.
    else if (this.#hasContinue) return;
    else this.#hasContinue = true;
    this.client.connection.interim(forwardInterim(head));
    this.client.connection.flush();
  }

  onResponseHead(attempt: Attempt, head: ResponseHead): void {
    this.#hasResponse = true;
    this.#body?.forget();
    this.status = head.status;
    this.server = attempt.endpoint.label;
    if (this.#startedMs !== 0) this.firstByteMs = this.engine.runtime.now() - this.#startedMs;
    const connection = attempt.connection!;
    const outgoing = forwardResponse(this, head);
    const cookie = this.plan!.group!.stickyCookie(this, attempt.endpoint);
    if (cookie !== null) outgoing.add("Set-Cookie", cookie);
    if (head.status === 101) {
      this.#isTunnel = true;
      this.#tries!.stopTotal();
      this.isRequestEnded = false;
      this.client.connection.head(outgoing);
      this.client.connection.openTunnel();
      return;
    }
    if (isEventStream(head)) connection.allowSilence(this.plan!.timeouts.tunnelIdleMs);
    if (bindsConnection(this.head, head)) connection.isBound = true;
    const seconds = keepAliveSeconds(head);
    if (seconds !== -1) connection.shortenIdle(seconds);
    this.#dropsBody = head.status === 205;
    this.client.connection.head(outgoing);
  }

  onResponsePiece(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void {
    if (this.#dropsBody) {
      attempt.connection?.spoil();
      return;
    }
    this.responseBytes += end - start;
    if (!this.client.connection.body(bytes, start, end)) attempt.connection?.hold();
  }

  onResponseFlush(): void {
    this.client.connection.flush();
  }

  onResponseEnd(attempt: Attempt, trailers: Fields | null): void {
    if (this.#isTunnel) {
      this.#isResponseEnded = true;
      if (this.isRequestEnded) this.#finish(null);
      this.client.connection.end(null);
      return;
    }
    let passed = trailers;
    if (passed !== null && this.head.acceptsTrailers) dropUnsafeTrailers(passed);
    else passed = null;
    this.#finish(null);
    // First the connection, so that a request that waits behind this one finds it.
    try {
      attempt.giveBack();
    } finally {
      // Somebody else's defect, met while the connection was handed on, is no reason to leave this client waiting.
      this.client.connection.end(passed);
    }
  }

  onUpstreamWritable(): void {
    this.client.connection.release();
  }

  onTriesFailed(reason: Fault): void {
    this.#fail(reason);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────

  #answerAction(): void {
    const { action, location } = this.match!.route;
    if (action.kind === "redirect") this.#answer(answerRedirect(action.status, location!.expand(this, this.match!)));
    else if (action.kind === "respond") this.#answer(this.plan!.answer!);
  }

  #answer(answer: Answer): void {
    const { connection } = this.client;
    this.status = answer.status;
    // A body nobody reads: the connection can't be used again.
    if (this.head.body !== BODY_NONE) connection.closeAfterResponse();
    this.responseBytes = sentBytesOf(answer, this.head.method);
    this.#finish(null);
    writeAnswer(connection, answer, this.head.method, this.engine.date.text);
  }

  /** Either side broke off: an answer while nothing was sent, else a visible cut. */
  #fail(reason: Fault): void {
    if (this.#isFinished) return;
    this.#tries?.abandon(reason);
    const { connection } = this.client;
    if (this.#hasResponse || connection.isClosed || reason.status === 0) {
      if (!this.#hasResponse) this.status = reason.status;
      this.#finish(reason);
      connection.abort();
      return;
    }
    const answer = answerFault(reason, this.requestId, this.head.fields);
    this.status = answer.status;
    this.responseBytes = sentBytesOf(answer, this.head.method);
    if (this.head.body !== BODY_NONE || (reason.side === "client" && reason !== fault.NO_ROUTE))
      connection.closeAfterResponse();
    this.#hasResponse = true;
    this.#finish(reason);
    writeAnswer(connection, answer, this.head.method, this.engine.date.text);
  }

  /** The single exit. After this nothing may be read from the head: the connection may use it for the next request. */
  #finish(reason: Fault | null): void {
    if (this.#isFinished) throw new Error("an exchange finished twice");
    this.#isFinished = true;
    this.engine.inFlight.leave();
    this.#body?.forget();
    this.#tries?.end();
    this.fault = reason;
    if (this.#startedMs !== 0) this.durationMs = this.engine.runtime.now() - this.#startedMs;
    try {
      this.engine.observer.onExchange(this);
    } catch (error) {
      this.engine.reportDefect(error);
    }
  }

  get attempts(): number {
    return this.#tries === null ? 0 : this.#tries.count;
  }
  get requestBytes(): number {
    return this.#body === null ? 0 : this.#body.receivedBytes;
  }
}
