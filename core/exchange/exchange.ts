/**
 * One request and its response, from the complete head to the last byte, as a list of steps:
 *
 *     begin ─► check the loop ─► route ─► limits ─► answer ourselves ───────────────────────► finish
 *                                             └──► tries (tries.ts) ─► relay or tunnel ──────► finish
 *                                                        └─ failed: answer the fault
 *
 * Both sides call in here: the client's connection through `RequestHandler`, the upstream's through `Attempt`.
 */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ClientConnection } from "../h1/client.ts";
import type { Fields } from "../http/fields.ts";
import { dropUnsafeTrailers } from "../http/hop.ts";
import { BODY_NONE, type ResponseHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import type { PathReading } from "../http/path.ts";
import type { RequestHandler } from "../http/wire.ts";
import type { FinishedExchange } from "../observe/events.ts";
import type { HookSet } from "../script/hook-set.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { Group } from "../upstream/group.ts";
import type { Answerer } from "./answering.ts";
import type { Attempt } from "./attempt.ts";
import { findRoute, PATH_REFUSED } from "./find-route.ts";
import { findTarget } from "./find-target.ts";
import { forwardInterim, forwardRequest, forwardResponse, isLooping } from "./forward.ts";
import { Hooked, type HookedOwner } from "./hooked.ts";
import { type Answer, answerFault, answerOf, answerText, NO_UPGRADE, sentBytesOf, writeAnswer } from "./respond.ts";
import { noteConnection } from "./response-notes.ts";
import { TracedRequest } from "./traced-request.ts";
import { Tries } from "./tries.ts";
import type { TriesOwner } from "./tries-owner.ts";
import { Upload, type UploadOwner } from "./upload.ts";
import { WebSide, type WebSideOwner } from "./web-side.ts";

const NOBODY: readonly Endpoint[] = [];
const NO_HOOKS: readonly never[] = [];

export class Exchange
  extends TracedRequest
  implements RequestHandler, FinishedExchange, TriesOwner, HookedOwner, UploadOwner, WebSideOwner
{
  #reading: PathReading | null = null;
  /** Null: the request has no body, or nobody wanted it yet. */
  #upload: Upload | null = null;
  #tries: Tries | null = null;
  #hooked: Hooked | null = null;
  #webSide: WebSide | null = null;
  isRequestEnded = false;
  #isResponseEnded = false;
  #isFinished = false;
  #hasResponse = false;
  #hasInterim = false;
  hasContinue = false; // the client was told to send its body, which says nothing about who will answer
  #isTunnel = false;
  #dropsBody = false;

  // ── the steps ──────────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const isServed = this.engine.inFlight.enter();
    const refused = !isServed ? fault.OVERLOADED : isLooping(this.head) ? fault.LOOP : null;
    const onRequest = this.deployment.hooks?.onRequest ?? null;
    if (refused !== null) this.#fail(refused);
    else if (onRequest === null) this.#route();
    else this.hooked.onRequest(onRequest, this.#route);
    this.hasBegun = true;
  }

  #route(): void {
    const found = findRoute(this);
    const onRequest = this.plan?.hooks?.onRequest ?? null;
    if (!("reading" in found)) {
      this.#fail(found);
      return;
    }
    this.#reading = found.reading;
    if (onRequest === null) this.#act();
    else this.hooked.onRequest(onRequest, this.#act);
  }

  #act(): void {
    const found = findTarget(this, this.#reading);
    const { group, hooks } = this.plan!;
    const decide = hooks?.decide ?? null;
    const { kind } = this.match!.route.action;
    this.targetSent = found === null ? null : found.target;
    if (found === null) this.#fail(PATH_REFUSED);
    else if (decide !== null && (kind === "upstream" || kind === "target")) this.hooked.decide(decide, this.#goTo);
    else if (kind === "mount" && this.asksUpgrade) this.#answer(NO_UPGRADE);
    else if (kind === "mount") this.#web().mount(this.#body());
    else if (group === null) this.#answer(answerOf(this));
    else this.#forward(group);
  }

  /** A hook has decided; maybe a name had to be resolved meanwhile. */
  #goTo(group: Group | Fault): void {
    if (this.#isFinished) return;
    if (group instanceof Group) {
      this.plan = this.deployment.planFor(this.match!.route, group);
      this.client.connection.goBy(this.plan.limits, this.plan.timeouts);
      this.#forward(group);
    } else this.#fail(group);
  }

  #forward(group: Group): void {
    // Before a group was chosen nobody knew whether the request may be sent twice.
    const body = this.#body();
    if (body !== null && !this.isRepeatable) body.forget();
    this.#tries = new Tries(this, group);
    const hooks = this.plan!.hooks;
    if (body === null || hooks === null || hooks.transformRequestBody.length === 0) this.#tries.begin();
    else this.#web().transformUpload(hooks, this.hooked.request, body, this.#tries);
  }

  /** Null: the request has no body. */
  #body(): Upload | null {
    if (this.#upload === null && this.head.body !== BODY_NONE) this.#upload = new Upload(this);
    return this.#upload;
  }

  get hooked(): Hooked {
    this.#hooked ??= new Hooked(this);
    return this.#hooked;
  }

  #web(): WebSide {
    this.#webSide ??= new WebSide(this);
    return this.#webSide;
  }

  get currentAttempt(): Attempt | null {
    return this.#tries === null ? null : this.#tries.current;
  }
  get serverConnection(): ClientConnection | null {
    return this.#tries?.current?.connection ?? null;
  }

  // ── what its tries go by ───────────────────────────────────────────────────────────────────────────────────

  get tried(): readonly Endpoint[] {
    return this.#tries === null ? NOBODY : this.#tries.tried;
  }
  get hasForwarded(): boolean {
    return this.#hasResponse || this.#hasInterim;
  }
  get awaitsContinue(): boolean {
    return this.#upload?.receivedBytes === 0 && !this.#hasResponse && !this.hasContinue && this.head.expectsContinue;
  }
  get isReplayable(): boolean {
    return this.#upload === null || this.#upload.isReplayable;
  }
  get uploadedMs(): number {
    return this.isRequestEnded ? (this.#upload?.endMs ?? 0) : this.engine.timers.nowMs;
  }
  /** Which server answers is open: none is asked yet and no program answers, or two are. */
  get isUndecided(): boolean {
    const tries = this.#tries;
    return !this.#hasResponse && (tries === null ? this.#webSide === null : tries.current === null || !tries.isAlone);
  }

  /** The attempt has a connection: everything of the request that is there goes out. */
  sendRequest(attempt: Attempt, connection: ClientConnection): void {
    this.server = attempt.endpoint.label;
    if (this.#upload !== null) {
      this.#upload.send(attempt, connection);
      return;
    }
    connection.head(forwardRequest(this, this.targetSent, attempt.edits), this.head);
    // `onEnd` follows at once, or came before the connection.
    if (this.isRequestEnded) attempt.endRequest();
  }

  // ── from the client ────────────────────────────────────────────────────────────────────────────────────────

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isFinished) return;
    if (this.#isTunnel) this.tunnelBytes += end - start;
    if (!this.#isTunnel) this.#body()!.piece(bytes, start, end);
    else if (this.serverConnection?.body(bytes, start, end) === false) this.client.connection.hold();
  }

  /** Request trailers end here: no upstream has announced that it wants them (RFC 9110 section 6.5.1). */
  onEnd(_trailers: Fields | null): void {
    this.isRequestEnded = true;
    if (this.#isFinished) return;
    if (this.#isTunnel && this.#isResponseEnded) this.#finish(null);
    const body = this.#isTunnel ? null : this.#body();
    if (body !== null) body.end();
    else if (this.#isTunnel) this.serverConnection?.end(null);
    else this.currentAttempt?.endRequest();
  }

  onFlush(): void {
    this.serverConnection?.flush();
  }

  /** The client takes more of the response. */
  onWritable(): void {
    if (this.#webSide === null || this.#webSide.response === null) this.serverConnection?.release();
    this.#webSide?.resume();
  }

  onFault(reason: Fault): void {
    this.#fail(reason);
  }

  // ── from the upstream ──────────────────────────────────────────────────────────────────────────────────────

  onInterim(head: ResponseHead): void {
    // Of two tries only one will answer.
    if (!this.#tries!.isAlone) return;
    if (head.status !== 100) this.#hasInterim = true;
    // A second try has the body already; its client waits for no more.
    else if (this.hasContinue) return;
    else this.hasContinue = true;
    this.client.connection.interim(forwardInterim(head));
    this.client.connection.flush();
  }

  onResponseHead(attempt: Attempt, head: ResponseHead): void {
    this.server = attempt.endpoint.label;
    const outgoing = forwardResponse(this, head);
    const hooks = this.plan!.hooks?.onResponse ?? NO_HOOKS;
    if (hooks.length === 0 || head.status === 101) this.#passHead(attempt, head, outgoing);
    else this.#editHead(hooks, attempt, head, outgoing);
  }

  /** Apart: a function with a closure in it allocates for that even where none is made. */
  #editHead(hooks: HookSet["onResponse"], attempt: Attempt, head: ResponseHead, outgoing: OutgoingHead): void {
    if (this.hooked.onResponse(hooks, outgoing, () => this.#passHead(attempt, head, outgoing))) attempt.hold();
  }

  #passHead(attempt: Attempt, head: ResponseHead, outgoing: OutgoingHead): void {
    this.#upload?.forget();
    this.noteResponse(outgoing.status);
    if (this.wantsTimes) attempt.headMs = this.startedMs + this.firstByteMs;
    const cookie = this.plan!.group!.stickyCookie(this, attempt.endpoint);
    if (cookie !== null) outgoing.add("Set-Cookie", cookie);
    if (head.status === 101) {
      this.#openTunnel(head, outgoing);
      return;
    }
    if (!this.isRequestEnded) this.client.connection.closeAfterResponse(); // decision 004
    noteConnection(attempt.connection!, this.head, head, this.plan!.timeouts.tunnelIdleMs);
    const { hooks } = this.plan!;
    const mayTransform = hooks !== null && hooks.transformResponseBody.length > 0;
    if (!mayTransform || !this.#web().transformResponse(hooks, this.hooked.request, outgoing)) {
      this.#hasResponse = true;
      this.#dropsBody = head.status === 205;
      this.client.connection.head(outgoing);
    }
    attempt.goOn();
  }

  #openTunnel(head: ResponseHead, outgoing: OutgoingHead): void {
    const { connection } = this.client;
    this.#hasResponse = true;
    this.#isTunnel = true;
    this.#tries!.stopTotal();
    this.isRequestEnded = false; // from here on: the client's side of the tunnel
    connection.head(outgoing);
    head.moveOut(); // what it came in is others', too, and a tunnel may live for days
    connection.openTunnel();
  }

  onResponsePiece(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void {
    if (this.#dropsBody) {
      attempt.connection?.spoil();
      return;
    }
    const response = this.#webSide === null ? null : this.#webSide.response;
    if (response !== null) {
      if (!response.piece(bytes, start, end)) attempt.connection?.hold();
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
    const response = this.#webSide === null ? null : this.#webSide.response;
    if (response !== null) {
      attempt.giveBack();
      response.end();
      return;
    }
    const passed = this.head.acceptsTrailers ? trailers : null;
    if (passed !== null) dropUnsafeTrailers(passed);
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
    if (this.#upload !== null && !this.#isTunnel) this.#upload.resume();
    else this.client.connection.release();
  }

  onFailed(reason: Fault): void {
    this.#fail(reason);
  }

  onHookAnswer(response: unknown, answerer: Answerer): void {
    this.#tries?.abandon(null); // whatever a server says, nobody wants it any more
    this.#web().answer(response, answerer, this.#body());
  }
  onHookDenial(status: number, body: string): void {
    this.#answer(answerText(status, body));
  }

  // ── from an answer of our own ──────────────────────────────────────────────────────────────────────────────

  onAnswerHead(outgoing: OutgoingHead): void {
    this.#hasResponse = true;
    this.noteResponse(outgoing.status);
    this.#web().editAnswer(outgoing);
    this.client.connection.head(outgoing);
  }
  onTransformWanted(): void {
    this.serverConnection?.release();
  }
  onAnswerEnd(): void {
    // A hook may have had enough of the server's response.
    this.#tries?.abandon(null);
    this.#finish(null);
    this.client.connection.end(null);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────

  #answer(answer: Answer, reason: Fault | null = null): void {
    const { connection } = this.client;
    const isClients = reason !== null && reason.side === "client" && reason !== fault.NO_ROUTE;
    if (isClients) connection.closeAfterResponse();
    this.status = answer.status;
    this.responseBytes = sentBytesOf(answer, this.head.method);
    this.#finish(reason);
    writeAnswer(connection, answer, this.head.method, this.engine.date.text);
  }

  /** Either side broke off: an answer while nothing was sent, else a visible cut. */
  #fail(reason: Fault): void {
    if (this.#isFinished) return;
    this.#tries?.abandon(reason);
    const { connection } = this.client;
    if (this.#hasResponse || connection.isClosed || !fault.isAnswered(reason)) {
      if (!this.#hasResponse) this.status = reason.side === "client" ? reason.status : 0;
      this.#finish(reason);
      connection.abort();
      return;
    }
    this.#answer(answerFault(reason, this.requestId, this.head.fields), reason);
  }

  /** The single exit. After this nothing may be read from the head: the connection may use it for the next request. */
  #finish(reason: Fault | null): void {
    if (this.#isFinished) throw new Error("an exchange finished twice");
    this.#isFinished = true;
    this.engine.inFlight.leave();
    this.#upload?.forget();
    this.#tries?.end();
    this.#hooked?.end();
    this.#webSide?.finish(reason);
    this.noteEnd(reason);
    const hooks = (this.plan ?? this.deployment).hooks?.onFinish ?? NO_HOOKS;
    try {
      if (hooks.length > 0) Hooked.onFinish(hooks, this);
      this.changes = null; // traces and logs tell what was asked, whatever hooks have made of it
      if (reason !== null || this.status >= 500 || this.trace !== null) this.keepTrace(this.#tries);
      this.engine.observer.onExchange(this);
    } catch (error) {
      this.engine.reportDefect(error);
    }
  }

  get attempts(): number {
    return this.#tries === null ? 0 : this.#tries.count;
  }
  get requestBytes(): number {
    return this.tunnelBytes + (this.#upload === null ? 0 : this.#upload.receivedBytes);
  }
}
