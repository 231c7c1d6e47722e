/** One try of an exchange at one server: the lease, the request out, the response in. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ClientConnection } from "../h1/client.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import type { ResponseHandler } from "../http/wire.ts";
import type { TryCause } from "../observe/trace.ts";
import { type Edits, NO_EDITS } from "../script/check-edits.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import type { Borrower } from "../upstream/connections.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import { type Outcome, outcomeOfFault, outcomeOfStatus } from "../upstream/outcome.ts";
import type { ClientSide } from "./client-side.ts";
import type { RoutePlan } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import type { ExchangeTrace, TracedAttempt } from "./exchange-trace.ts";
import { isEventStream } from "./response-notes.ts";
import { isStale } from "./retry.ts";

/** The exchange, as far as a try needs it. */
export interface AttemptOwner {
  readonly engine: Engine;
  readonly client: ClientSide;
  readonly head: RequestHead;
  readonly plan: RoutePlan | null;
  readonly asksUpgrade: boolean;
  readonly isRequestEnded: boolean;
  /** Its client sends no body before it is told to, and nobody has told it so, nor answered. */
  readonly awaitsContinue: boolean;
  /** By the clock; 0 when nobody wants to know. */
  readonly nowMs: number;
  /** Null while none is written. */
  readonly trace: ExchangeTrace | null;
  /** What the request is going to now, as the configuration names it. */
  server: string;
  /** There is a connection: everything of the request that is there goes out. */
  sendRequest(attempt: Attempt, connection: ClientConnection): void;
  onInterim(head: ResponseHead): void;
  onResponsePiece(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void;
  onResponseFlush(): void;
  onResponseEnd(attempt: Attempt, trailers: Fields | null): void;
  onUpstreamWritable(): void;
}

/** Who decides what a try leads to. */
export interface AttemptJudge {
  /** It fails, but nobody has heard of it yet, and the connection still counts. */
  onFailing(attempt: Attempt, reason: Fault): void;
  /** There is a response; nothing of its body is passed on before this returns. */
  onHead(attempt: Attempt, head: ResponseHead): void;
  /** The try is over without a complete response. */
  onFailed(attempt: Attempt, reason: Fault): void;
}

export class Attempt implements ResponseHandler, Borrower, TimerOwner, TracedAttempt {
  readonly endpoint: Endpoint;
  readonly #exchange: AttemptOwner;
  readonly #judge: AttemptJudge;
  /** Takes up a place among the further tries of its upstream. */
  #isExtra: boolean;
  /** Whether the server may judge itself well or ill by this one (`core/health/server-health.ts`). */
  readonly #trial: number;
  /** Null before the lease and after it was given back. */
  connection: ClientConnection | null = null;
  /** The connection had served a request before this one. */
  isReused = false;
  /** Anything of a response came, be it half a head. */
  hasHeard = false;
  /** The request, or a part of it, may have reached the server. */
  wasSent = false;
  /** All of the request is on its way. */
  #isComplete = false;
  /** Some of it is, and the rest is waited for: a server that says nothing meanwhile has not failed. */
  #isUploading = false;
  /** Since when the server is waited for, by the timers: for its connection, then for its response. */
  #sinceMs = 0;
  // For traces. Null first: fractions cost memory from the moment a field has held one, even those that hold none.
  cause: TryCause = "first";
  /** Who has chosen the server, if that was not the group: a hook, say. */
  chosenBy = "";
  /** Of fields, for this try only. */
  edits: Edits = NO_EDITS;
  waitedMs: number | null = null;
  startedMs: number | null = null;
  leasedMs: number | null = null;
  headMs: number | null = null;
  /** Of the response. */
  status = 0;
  /** Its connection had been the client's own before. */
  isBound = false;
  #timer: Timer | null = null;
  #isOver = false;
  /** What is known of the server so far: what would be reported if the client left now. */
  #outcome: Outcome = "abandoned";
  #isReported = false;
  #isHeld = false;
  #sentMs = 0;
  #latencyMs = -1;

  constructor(exchange: AttemptOwner, judge: AttemptJudge, endpoint: Endpoint, isExtra = false) {
    this.#exchange = exchange;
    this.#judge = judge;
    this.endpoint = endpoint;
    this.#isExtra = isExtra;
    this.#trial = endpoint.health.trial;
  }

  get connectMs(): number {
    return this.#exchange.plan!.timeouts.connectMs;
  }

  /** `fresh` takes no connection that was used before. */
  start(fresh: boolean): void {
    this.endpoint.inFlight++;
    this.#sinceMs = this.#exchange.engine.timers.nowMs;
    const { perTryMs } = this.#group().retries;
    if (perTryMs !== Number.POSITIVE_INFINITY) this.#setTimer(perTryMs);
    const bound = fresh ? null : this.#exchange.client.takeBound(this.endpoint);
    this.isBound = bound !== null;
    if (bound !== null) this.onLease(bound);
    else this.endpoint.connections.lease(this, fresh);
  }

  onLease(connection: ClientConnection): void {
    const exchange = this.#exchange;
    this.connection = connection;
    this.wasSent = true;
    connection.begin(this, exchange.plan!, exchange.head.method, exchange.asksUpgrade);
    this.isReused = connection.isReused;
    // One that was there already was had in no time.
    if (!this.isReused) this.leasedMs = exchange.nowMs;
    exchange.sendRequest(this, connection);
    this.#isUploading = !this.#isComplete;
    if (this.#isUploading && exchange.awaitsContinue && !this.#isOver) this.#setTimer(this.#patienceMs());
  }

  /** That was all of the request. Without a connection yet `sendRequest` finds it complete. */
  endRequest(): void {
    const { connection } = this;
    if (connection === null) return;
    this.#isComplete = true;
    const group = this.#group();
    if (group.wantsLatency) this.#sentMs = this.#exchange.engine.runtime.now();
    // What the upload took was not the server's time.
    if (this.#isUploading) {
      this.#sinceMs = this.#exchange.engine.timers.nowMs;
      // Behind a head that came early there is nothing to wait for.
      if (this.#timer !== null && this.status === 0) this.#setTimer(group.retries.perTryMs);
    }
    this.#isUploading = false;
    connection.end(null);
  }

  /** How long the server may say nothing at all to a client that waits for its word. */
  #patienceMs(): number {
    return Math.min(this.#exchange.plan!.timeouts.firstByteMs, this.#group().retries.perTryMs);
  }

  onLeaseFailed(reason: Fault): void {
    this.#fail(reason, outcomeOfFault(reason));
  }

  onInterim(head: ResponseHead): void {
    this.#exchange.onInterim(head);
  }

  onHead(head: ResponseHead): void {
    const { status } = head;
    const exchange = this.#exchange;
    const { runtime, timers } = exchange.engine;
    this.status = status;
    this.headMs = exchange.trace !== null || status >= 500 ? exchange.nowMs : timers.tickedMs;
    this.#outcome = outcomeOfStatus(status);
    if (this.#sentMs !== 0) this.#latencyMs = runtime.now() - this.#sentMs;
    // These may go on for hours, and the server has done its part; others wait for what comes of a trial.
    if (status === 101 || isEventStream(head) || this.endpoint.health.state === "probing") this.#report();
    this.#stopTimer();
    this.#judge.onHead(this, head);
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.#exchange.onResponsePiece(this, bytes, start, end);
  }

  onEnd(trailers: Fields | null): void {
    this.#exchange.onResponseEnd(this, trailers);
  }

  onFlush(): void {
    this.#exchange.onResponseFlush();
  }

  onLong(): void {
    this.#exchange.client.connection.setHeadApart();
  }

  onWritable(): void {
    this.#exchange.onUpstreamWritable();
  }

  onFault(reason: Fault): void {
    this.hasHeard = this.connection?.hasHeard ?? false;
    this.connection = null;
    // A server that closes what was idle has not failed, nor one whose response waits for what the client has yet to send.
    const isStaleOne = isStale({ fault: reason, isReused: this.isReused, hasHeard: this.hasHeard });
    const isClients = reason === fault.RESPONSE_TIMEOUT && this.#isUploading;
    this.#fail(reason, isStaleOne || isClients ? "abandoned" : outcomeOfFault(reason));
  }

  /**
   * No head within `retries.perTryTimeout`, or not a word to a client that waits for a 100 within `timeouts.firstByte`. An
   * upload that still comes is not the server's delay: behind it the time begins anew.
   */
  onTimer(): void {
    const { awaitsContinue, plan } = this.#exchange;
    if (this.#isUploading && !awaitsContinue) return;
    const isFirstByte = this.#isUploading && this.#patienceMs() === plan!.timeouts.firstByteMs;
    const reason = isFirstByte ? fault.FIRST_BYTE_TIMEOUT : fault.TRY_TIMEOUT;
    this.#letGo();
    // Many servers know no 100 and wait for the body as the client does: that is no failure.
    this.#fail(reason, this.#isUploading ? "abandoned" : outcomeOfFault(reason));
  }

  /** Its response is the one that counts, however long it takes: it is no further try any more. */
  accept(): void {
    if (this.#isExtra) this.#group().breaker.endRetry();
    this.#isExtra = false;
  }

  /** Within `onHead`: the response waits, its body unread. What it says of the server is said already. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.connection?.defer();
    this.#report();
  }

  /** Its head was passed on. */
  goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.connection?.goOn();
  }

  /** The response is complete: the connection goes back, to the client it is bound to or to the pool. */
  giveBack(): void {
    const { connection } = this;
    this.connection = null;
    this.#leave();
    if (connection === null) return;
    if (!connection.isBound) {
      this.endpoint.connections.giveBack(connection);
      return;
    }
    const { client } = this.#exchange;
    if (!connection.isReusable || client.connection.isClosed) {
      connection.close();
      return;
    }
    connection.rest();
    client.bind(connection, this.endpoint);
  }

  /** Gives up, whatever the state. `reason` is why the exchange ends; null: for another try's sake. */
  abandon(reason: Fault | null): void {
    if (this.#isOver) return;
    if (reason === fault.TOTAL_TIMEOUT && this.#outcome === "abandoned") this.#outcome = this.#outcomeOfWait();
    this.#letGo();
    this.#leave();
  }

  /**
   * The time of the whole request is up. That is the server's failure if most of it went by waiting for it, be it for its
   * connection: not if the client took it for its upload, or the request came late to this server.
   */
  #outcomeOfWait(): Outcome {
    const waitedMs = this.#exchange.engine.timers.nowMs - this.#sinceMs;
    if (this.#isUploading || waitedMs < this.#exchange.plan!.timeouts.totalMs / 2) return "abandoned";
    return this.#isComplete ? "timeout" : "connect-failed";
  }

  /** No getter: for a private one V8 asks its runtime, each time. */
  #group(): Group {
    return this.#exchange.plan!.group!;
  }

  #letGo(): void {
    if (this.connection === null) this.endpoint.connections.cancel(this);
    else this.connection.close();
    this.connection = null;
  }

  #fail(reason: Fault, outcome: Outcome): void {
    this.#outcome = outcome;
    this.#judge.onFailing(this, reason);
    this.#leave();
    this.#judge.onFailed(this, reason);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.endpoint.inFlight--;
    this.accept();
    this.#stopTimer();
    this.#report();
  }

  #setTimer(delayMs: number): void {
    this.#timer ??= new Timer(this);
    this.#exchange.engine.timers.set(this.#timer, delayMs);
  }

  #stopTimer(): void {
    if (this.#timer !== null) this.#exchange.engine.timers.remove(this.#timer);
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#group().report(this.endpoint, this.#outcome, this.#latencyMs, this.#trial);
  }
}
