/**
 * The tries of one exchange: which server comes first, whether another one follows, and whose response counts.
 *
 *     begin ─► try ── head ──────────────────────────────────────────► the response
 *               │ │    └─ 503 or the like, and another try is allowed: held ─┐
 *               │ └─ no head for `hedge.after`: a second one beside it       │
 *               └─ failed ─┬─► another try, after a pause ◄──────────────────┘
 *                          └─► no more: the response that is held, else the fault
 */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ResponseHead } from "../http/message.ts";
import type { TryCause } from "../observe/trace.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import { backoffMs } from "../upstream/retry-policy.ts";
import type { PlaceSeeker, Waiting, Wish } from "../upstream/wait-queue.ts";
import { Attempt, type AttemptJudge } from "./attempt.ts";
import type { ExchangeTrace } from "./exchange-trace.ts";
import { nextTry, whyNoOther } from "./retry.ts";
import type { TriesOwner } from "./tries-owner.ts";

const NOBODY: readonly Endpoint[] = [];

export class Tries implements AttemptJudge, PlaceSeeker<Endpoint>, TimerOwner {
  readonly #exchange: TriesOwner;
  readonly #group: Group;
  /** Takes the request, and later gives the response. Null while nothing is under way. */
  current: Attempt | null = null;
  /** Beside `current`, until one of them has a response. */
  #second: Attempt | null = null;
  /** Answered by a status that may be better elsewhere: passed on if nothing better comes. */
  #held: Attempt | null = null;
  #heldHead: ResponseHead | null = null;
  #isDecided = false;
  /** All that were started. */
  count = 0;
  #retries = 0;
  tried: readonly Endpoint[] = NOBODY;
  #lastFault: Fault = fault.NO_SERVER;
  /** While a try is under way: until the second one. Else: the pause before the next. */
  #timer: Timer | null = null;
  /** In the queue for a place. */
  #waiting: Waiting<Endpoint> | null = null;
  /** In there since. */
  #waitsSinceMs: number | null = null;
  #cause: TryCause = "first";
  #isExtra = false;
  #hasEntered = false;
  #total: Timer | null = null;

  constructor(exchange: TriesOwner, group: Group) {
    this.#exchange = exchange;
    this.#group = group;
  }

  begin(): void {
    const exchange = this.#exchange;
    const group = this.#group;
    const { totalMs } = exchange.plan!.timeouts;
    if (!group.breaker.enter()) {
      exchange.onFailed(fault.BREAKER_OPEN);
      return;
    }
    this.#hasEntered = true;
    group.retryBudget.deposit();
    if (totalMs !== Number.POSITIVE_INFINITY) {
      this.#total = new Timer(this);
      exchange.engine.timers.set(this.#total, totalMs);
    }
    const bound = exchange.client.boundEndpoint(group);
    const endpoint = bound ?? group.pick(exchange);
    if (endpoint === null) {
      exchange.onFailed(fault.NO_SERVER);
      return;
    }
    if (group.hedgeAfterMs !== Number.POSITIVE_INFINITY) this.#setTimer(group.hedgeAfterMs);
    if (bound !== null) this.#start(bound, false);
    else this.#startAt(endpoint);
  }

  /** No other try is under way beside `current`. */
  get isAlone(): boolean {
    return this.#second === null;
  }

  /** Nothing of this is wanted any more; `reason` is why, null when it is no fault. */
  abandon(reason: Fault | null): void {
    const all = this.#all;
    this.noteEnd(this.#exchange.openTrace(), reason);
    this.current = null;
    this.#second = null;
    this.#held = null;
    for (const each of all) each.abandon(reason);
    this.end();
  }

  /** What is under way ends with the exchange; null: it has gone well. */
  noteEnd(trace: ExchangeTrace | null, reason: Fault | null): void {
    if (trace !== null) for (const each of this.#all) trace.ended(each, reason);
  }

  /** The exchange is over. */
  end(): void {
    this.#stopTimer();
    this.stopTotal();
    this.#stopWaiting();
    this.#dropCharge();
    if (this.#hasEntered) this.#group.breaker.leave();
    this.#hasEntered = false;
  }

  /** The response may take as long as it likes. */
  stopTotal(): void {
    if (this.#total !== null) this.#exchange.engine.timers.remove(this.#total);
  }

  // ── from the tries ─────────────────────────────────────────────────────────────────────────────────────────

  onHead(attempt: Attempt, head: ResponseHead): void {
    if (head.status >= 400 && this.#holds(attempt, head)) return;
    this.#decideFor(attempt);
    this.#exchange.onResponseHead(attempt, head);
  }

  onFailing(attempt: Attempt, reason: Fault): void {
    this.#exchange.openTrace()?.ended(attempt, reason);
  }

  onFailed(attempt: Attempt, reason: Fault): void {
    if (this.#isDecided) {
      this.#exchange.onFailed(reason);
      return;
    }
    this.#lastFault = reason;
    this.#remove(attempt);
    if (this.current !== null) return; // it is the second try already
    this.#stopTimer();
    switch (this.#next(attempt, reason, 0)) {
      case "fresh":
        this.#startFresh(attempt.endpoint);
        return;
      case "elsewhere":
        if (this.#goElsewhere(attempt.endpoint)) return;
        break;
      case "anywhere":
        if (this.#pause(attempt)) return;
        break;
    }
    this.#giveUp();
  }

  onTimer(timer: Timer): void {
    if (timer === this.#total) this.#endAll();
    else if (this.current !== null) this.#hedge();
    else if (this.#waiting === null) this.#tryAgain();
  }

  // ── what comes next ────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the response waits for a better one. */
  #holds(attempt: Attempt, head: ResponseHead): boolean {
    if (!this.#group.retries.statuses.includes(head.status)) return false;
    const isOnly = this.#second === null;
    const trace = this.#exchange.openTrace();
    // While the request still comes nobody knows whether it can be sent twice.
    if (isOnly && !this.#exchange.isRequestEnded) return false;
    if (isOnly && (this.#next(attempt, null, head.status) === "none" || !this.#pause(attempt))) return false;
    trace?.ended(attempt, null);
    this.#remove(attempt);
    this.#held?.abandon(null);
    this.#held = attempt;
    this.#heldHead = head;
    attempt.hold();
    return true;
  }

  #next(attempt: Attempt, reason: Fault | null, status: number): ReturnType<typeof nextTry> {
    const { hasForwarded, isRepeatable, isReplayable } = this.#exchange;
    const { wasSent, isReused, hasHeard } = attempt;
    const facts = { hasForwarded, isRepeatable, isReplayable, wasSent, isReused, hasHeard, retries: this.#retries };
    const failed = { fault: reason, status, ...facts };
    const next = nextTry(failed, this.#group.retries);
    this.#exchange.trace?.decided(attempt, next, whyNoOther(failed, this.#group.retries) ?? "");
    return next;
  }

  /** False: there is no other server. At no charge: nothing was sent, so no server has more to do than without us. */
  #goElsewhere(from: Endpoint): boolean {
    const endpoint = this.#other(from);
    if (endpoint === null) return this.#drop("no other server");
    this.#cause = "elsewhere";
    this.#retries++;
    this.#startAt(endpoint);
    return true;
  }

  #pause(attempt: Attempt): boolean {
    if (!this.#group.takeRetry()) return this.#drop("the retry budget is empty, or `breaker.retries` is reached");
    this.#isExtra = true;
    this.#retries++;
    this.#cause = "retry";
    this.#exclude(attempt.endpoint);
    this.#setTimer(backoffMs(this.#group.retries, this.#retries, this.#exchange.engine.runtime.random()));
    return true;
  }

  #tryAgain(): void {
    const endpoint = this.#group.pick(this.#exchange);
    // What is held may hold the only connection: waiting for it would be waiting for ourselves.
    const mayWait = this.#held === null;
    if (endpoint !== null && (mayWait || endpoint.connections.hasPlaceFor(false))) {
      this.#startAt(endpoint);
      return;
    }
    if (endpoint !== null) this.#putBack(endpoint);
    this.#drop(endpoint === null ? "no server may be asked" : "no place at any server");
    this.#giveUp();
  }

  /** The first one takes long: a second one on another server, if nothing speaks against it. */
  #hedge(): void {
    const exchange = this.#exchange;
    const first = this.current!;
    if (this.#isDecided || exchange.asksUpgrade || exchange.hasForwarded) return;
    if (!exchange.isRequestEnded || !exchange.isIdempotent || !exchange.isReplayable) return;
    const endpoint = this.#other(first.endpoint);
    if (endpoint === null) return;
    const hasPlace = endpoint.connections.hasPlaceFor(false) && this.#group.mayConnect(endpoint);
    if (!hasPlace || !this.#group.takeRetry()) {
      this.#putBack(endpoint);
      return;
    }
    this.#second = first;
    this.#cause = "hedge";
    this.#isExtra = true;
    this.#start(endpoint, false);
  }

  /** The time of the whole request is up. */
  #endAll(): void {
    this.#lastFault = fault.TOTAL_TIMEOUT;
    if (this.#held === null || this.#isDecided) this.#exchange.onFailed(fault.TOTAL_TIMEOUT);
    else this.#giveUp();
  }

  #giveUp(): void {
    this.#dropCharge();
    const held = this.#held;
    if (held === null) {
      this.#exchange.onFailed(this.#lastFault);
      return;
    }
    this.#held = null;
    this.#decideFor(held);
    this.#exchange.onResponseHead(held, this.#heldHead!);
    held.connection?.goOn();
  }

  /** Whatever else was tried is of no use any more. */
  #decideFor(attempt: Attempt): void {
    this.#isDecided = true;
    const other = this.current === attempt ? this.#second : this.current;
    const held = this.#held;
    this.current = attempt;
    this.#second = null;
    this.#held = null;
    this.#stopTimer();
    this.#stopWaiting();
    if (other !== null) this.#exchange.trace?.ended(other, null);
    other?.abandon(null);
    held?.abandon(null);
  }

  // ── a place, and the try ───────────────────────────────────────────────────────────────────────────────────

  /** `endpoint` was picked; when it is full, the first place anywhere will do. */
  #startAt(endpoint: Endpoint): void {
    if (!this.#group.mayConnect(endpoint)) {
      this.#putBack(endpoint);
      this.#fail(fault.BREAKER_OPEN);
    } else if (endpoint.connections.hasPlaceFor(false)) {
      this.#start(endpoint, false);
    } else {
      this.#putBack(endpoint);
      const refused = this.tried.includes(endpoint) ? NOBODY : this.tried;
      this.#wait({ only: null, fresh: false, refused });
    }
  }

  /** The connection was stale; `endpoint` is asked again. */
  #startFresh(endpoint: Endpoint): void {
    this.#cause = "fresh";
    if (endpoint.connections.hasPlaceFor(true)) this.#start(endpoint, true);
    else this.#wait({ only: endpoint, fresh: true, refused: NOBODY });
  }

  #wait(wish: Wish<Endpoint>): void {
    const { queueMs } = this.#exchange.plan!.timeouts;
    // Whoever had a connection there will have its place.
    if (wish.only === null && !this.#group.mayWait()) {
      this.#fail(fault.QUEUE_FULL);
      return;
    }
    this.#waitsSinceMs = this.#exchange.nowMs;
    this.#waiting = this.#group.queue.join(this, wish, queueMs);
    // A balancer may know of reasons to wait for one server; the queue does not.
    this.#group.serveWaiting();
  }

  #stopWaiting(): void {
    if (this.#waiting !== null) this.#group.queue.leave(this.#waiting);
    this.#waiting = null;
  }

  onPlace(endpoint: Endpoint): void {
    const { only, fresh } = this.#waiting!.wish;
    this.#waiting = null;
    if (only === null) this.#group.onPlaceTaken(endpoint);
    this.#start(endpoint, fresh);
  }

  onNoPlace(reason: Fault): void {
    const { only } = this.#waiting!.wish;
    this.#waiting = null;
    // It wanted another connection to a server that is gone by now.
    const mayGoOn = only !== null && reason === fault.NO_SERVER && this.#retries < this.#group.retries.attemptsMax;
    if (!mayGoOn || !this.#goElsewhere(only)) this.#fail(reason);
  }

  #start(endpoint: Endpoint, fresh: boolean): void {
    const attempt = new Attempt(this.#exchange, this, endpoint, this.#isExtra);
    this.#isExtra = false;
    attempt.cause = this.#cause;
    if (this.#exchange.hasBegun) attempt.startedMs = this.#exchange.nowMs;
    if (this.#waitsSinceMs !== null) attempt.waitedMs = this.#exchange.nowMs - this.#waitsSinceMs;
    this.#waitsSinceMs = null;
    this.#exchange.trace?.began(attempt);
    this.count++;
    this.#exchange.server = endpoint.label;
    this.current = attempt;
    attempt.start(fresh);
  }

  /** There will be no try. The failure of the one before says more than that. */
  #fail(reason: Fault): void {
    if (this.#lastFault === fault.NO_SERVER) this.#lastFault = reason;
    this.#giveUp();
  }

  #remove(attempt: Attempt): void {
    if (this.current === attempt) this.current = this.#second;
    this.#second = null;
  }

  /** A server that this request was not sent to yet. */
  #other(endpoint: Endpoint): Endpoint | null {
    this.#exclude(endpoint);
    const picked = this.#group.pick(this.#exchange);
    if (picked === null || !this.tried.includes(picked)) return picked;
    this.#putBack(picked);
    return null;
  }

  /** Picked, but it was not asked: nothing can be said of it. */
  #putBack(endpoint: Endpoint): void {
    this.#group.report(endpoint, "abandoned", -1);
  }

  #exclude(endpoint: Endpoint): void {
    if (!this.tried.includes(endpoint)) this.tried = [...this.tried, endpoint];
  }

  /** The further try that was decided on can't be made. Always answers false. */
  #drop(why: string): false {
    this.#exchange.trace?.dropped(why);
    return false;
  }

  /** The further try that was charged is not made. */
  #dropCharge(): void {
    if (this.#isExtra) this.#group.breaker.endRetry();
    this.#isExtra = false;
  }

  get #all(): readonly Attempt[] {
    return [this.current, this.#second, this.#held].filter((each) => each !== null);
  }

  #setTimer(delayMs: number): void {
    this.#timer ??= new Timer(this);
    this.#exchange.engine.timers.set(this.#timer, delayMs);
  }

  #stopTimer(): void {
    if (this.#timer !== null) this.#exchange.engine.timers.remove(this.#timer);
  }
}
