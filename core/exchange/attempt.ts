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
  readonly #isExtra: boolean;
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
    const { perTryMs } = this.#group().retries;
    if (perTryMs !== Number.POSITIVE_INFINITY) {
      this.#timer = new Timer(this);
      this.#exchange.engine.timers.set(this.#timer, perTryMs);
    }
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
    if (this.#group().wantsLatency) this.#sentMs = exchange.engine.runtime.now();
    exchange.sendRequest(this, connection);
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
    // These may go on for hours, and the server has done its part.
    if (status === 101 || isEventStream(head)) this.#report();
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
    // A server that closes what was idle has not failed.
    this.#fail(
      reason,
      isStale({ fault: reason, isReused: this.isReused, hasHeard: this.hasHeard })
        ? "abandoned"
        : outcomeOfFault(reason),
    );
  }

  /** No head within `retries.perTryTimeout`. An upload that still comes is not the server's delay. */
  onTimer(timer: Timer): void {
    if (!this.#exchange.isRequestEnded) {
      this.#exchange.engine.timers.set(timer, this.#group().retries.perTryMs);
      return;
    }
    this.#letGo();
    this.#fail(fault.TRY_TIMEOUT, outcomeOfFault(fault.TRY_TIMEOUT));
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
    client.bound = connection;
    client.boundTo = this.endpoint;
  }

  /** Gives up, whatever the state. A server that has kept us waiting until `reason` came has failed; null: for another's sake. */
  abandon(reason: Fault | null): void {
    if (this.#isOver) return;
    if (this.wasSent && this.#outcome === "abandoned" && reason?.status === 504) this.#outcome = "timeout";
    this.#letGo();
    this.#leave();
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
    if (this.#isExtra) this.#group().breaker.endRetry();
    this.#stopTimer();
    this.#report();
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
