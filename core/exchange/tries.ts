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
import { Attempt, type AttemptJudge } from "./attempt.ts";
import { AttemptGate, type PlannedTry } from "./attempt-gate.ts";
import type { ExchangeTrace } from "./exchange-trace.ts";
import { PlaceSearch } from "./place-search.ts";
import { mayHedge, nextTry, whyNoOther } from "./retry.ts";
import type { TriesOwner } from "./tries-owner.ts";

const NOTHING = (): void => {};

export class Tries extends PlaceSearch implements AttemptJudge, TimerOwner {
  readonly #exchange: TriesOwner;
  /** Takes the request, and later gives the response. Null while nothing is under way. */
  current: Attempt | null = null;
  #second: Attempt | null = null; // beside `current`, until one of them has a response
  /** Answered by a status that may be better elsewhere: passed on if nothing better comes. */
  #held: Attempt | null = null;
  #heldHead: ResponseHead | null = null;
  #isDecided = false;
  count = 0; // all that were started
  #retries = 0;
  #lastFault: Fault = fault.NO_SERVER;
  /** While a try is under way: until the second one. Else: the pause before the next. */
  #timer: Timer | null = null;
  #waitedMs: number | null = null;
  /** Null: no hook looks at tries. */
  readonly #gate: AttemptGate | null;
  #cause: TryCause = "first";
  #isExtra = false;
  /** There was no second try yet, and there may be one. */
  #mayHedge = false;
  #hasEntered = false;
  #total: Timer | null = null;

  constructor(exchange: TriesOwner, group: Group) {
    super(group);
    this.#exchange = exchange;
    const hook = exchange.plan!.hooks?.onAttempt ?? null;
    this.#gate = hook === null ? null : new AttemptGate(exchange, group, hook);
  }

  begin(): void {
    const exchange = this.#exchange;
    const { group } = this;
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
    this.#mayHedge = group.hedgeAfterMs !== Number.POSITIVE_INFINITY;
    const bound = exchange.client.boundEndpoint(group);
    const endpoint = bound ?? group.pick(exchange);
    if (endpoint === null) {
      exchange.onFailed(fault.NO_SERVER);
      return;
    }
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
    this.stopWaiting();
    this.#gate?.stop();
    this.#dropCharge();
    if (this.#hasEntered) this.group.breaker.leave();
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
    this.#gate?.failed(reason.code);
    this.#remove(attempt);
    if (this.current !== null) return; // it is the second try already
    this.#stopTimer();
    switch (this.#next(attempt, reason, 0)) {
      case "fresh":
        this.#startFresh(attempt);
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
    else if (!this.isWaiting) this.#tryAgain();
  }

  // ── what comes next ────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the response waits for a better one. */
  #holds(attempt: Attempt, head: ResponseHead): boolean {
    if (!this.group.retries.statuses.includes(head.status)) return false;
    const isOnly = this.#second === null;
    const trace = this.#exchange.openTrace();
    // While the request still comes nobody knows whether it can be sent twice.
    if (isOnly && !this.#exchange.isRequestEnded) return false;
    if (isOnly && (this.#next(attempt, null, head.status) === "none" || !this.#pause(attempt))) return false;
    trace?.ended(attempt, null);
    this.#gate?.failed(`status ${head.status}`);
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
    const next = nextTry(failed, this.group.retries);
    this.#exchange.trace?.decided(attempt, next, whyNoOther(failed, this.group.retries) ?? "");
    return next;
  }

  /** False: there is no other server. At no charge: nothing was sent, so no server has more to do than without us. */
  #goElsewhere(from: Endpoint): boolean {
    const endpoint = this.other(this.#exchange, from);
    if (endpoint === null) return this.#drop("no other server");
    this.#cause = "elsewhere";
    this.#retries++;
    this.#startAt(endpoint);
    return true;
  }

  #pause(attempt: Attempt): boolean {
    if (!this.group.takeRetry()) return this.#drop("the retry budget is empty, or `breaker.retries` is reached");
    this.#isExtra = true;
    this.#retries++;
    this.#cause = "retry";
    this.exclude(attempt.endpoint);
    this.#setTimer(backoffMs(this.group.retries, this.#retries, this.#exchange.engine.runtime.random()));
    return true;
  }

  #tryAgain(): void {
    const endpoint = this.group.pick(this.#exchange, this.mayRepeat);
    // What is held may hold the only connection: waiting for it would be waiting for ourselves.
    const mayWait = this.#held === null;
    if (endpoint !== null && (mayWait || endpoint.connections.hasPlaceFor(false))) {
      this.#startAt(endpoint);
      return;
    }
    if (endpoint !== null) this.group.putBack(endpoint);
    this.#drop(endpoint === null ? "no server may be asked" : "no place at any server");
    this.#giveUp();
  }

  /** The first takes long: a second one on another server, if nothing speaks against it. */
  #hedge(): void {
    const exchange = this.#exchange;
    const first = this.current!;
    if (this.#isDecided || !mayHedge(exchange)) return;
    // What the upload takes is not the server's time.
    const leftMs = exchange.uploadedMs + this.group.hedgeAfterMs - exchange.engine.timers.nowMs;
    if (leftMs > 0) this.#setTimer(leftMs);
    const endpoint = leftMs > 0 ? null : this.other(this.#exchange, first.endpoint);
    if (endpoint === null) return;
    if (this.#gate === null) this.#startBeside(first, endpoint);
    else this.#gate.ask(this.#planned(endpoint), (chosen) => this.#startBeside(first, chosen), NOTHING);
  }

  #startBeside(first: Attempt, endpoint: Endpoint): void {
    const isOther = endpoint !== first.endpoint;
    const hasPlace = isOther && endpoint.connections.hasPlaceFor(false) && this.group.mayConnect(endpoint);
    if (!hasPlace || !this.group.takeRetry()) {
      this.group.putBack(endpoint);
      return;
    }
    this.#second = first;
    this.#mayHedge = false;
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
  }

  /** Whatever else was tried is of no use any more. */
  #decideFor(attempt: Attempt): void {
    this.#isDecided = true;
    const other = this.current === attempt ? this.#second : this.current;
    this.current = attempt;
    this.#second = null;
    this.#stopTimer();
    this.stopWaiting();
    this.#gate?.stop();
    if (other !== null) this.#exchange.trace?.ended(other, null);
    if (other !== null) this.tried = this.tried.filter((it) => it !== other.endpoint); // slow, but it has not failed
    other?.abandon(null);
    this.#held?.abandon(null);
    this.#held = null;
    attempt.accept();
  }

  // ── a place, and the try ───────────────────────────────────────────────────────────────────────────────────

  /** `endpoint` was picked, unless a hook has another one in mind. */
  #startAt(endpoint: Endpoint): void {
    if (this.#gate === null) this.placeAt(endpoint, false);
    else this.#askAbout(endpoint, this.#gate);
  }

  /** Apart: a function with closures in it allocates for them even where none is made. */
  #askAbout(endpoint: Endpoint, gate: AttemptGate): void {
    const go = (chosen: Endpoint, isWished: boolean) => this.placeAt(chosen, isWished);
    const stop = (it: Fault) => (it === fault.NO_SERVER ? this.#fail(it) : this.#exchange.onFailed(it));
    gate.ask(this.#planned(endpoint), go, stop);
  }

  #planned(endpoint: Endpoint): PlannedTry {
    return { number: this.count + 1, endpoint, tried: this.tried };
  }

  /** Its connection was stale; the same server is asked again. */
  #startFresh(stale: Attempt): void {
    this.#cause = "fresh";
    this.#gate?.repeat(stale);
    this.freshPlaceAt(stale.endpoint);
  }

  get queueMs(): number {
    return this.#exchange.plan!.timeouts.queueMs;
  }
  get nowMs(): number {
    return this.#exchange.nowMs;
  }
  /** Not the one that accepts no connections. */
  protected get mayRepeat(): boolean {
    return this.#cause === "retry";
  }

  onPlaceFound(endpoint: Endpoint, fresh: boolean, waitedMs: number | null): void {
    this.#waitedMs = waitedMs;
    this.#start(endpoint, fresh);
  }

  onNoPlaceFound(reason: Fault, wanted: Endpoint | null): void {
    // It wanted another connection to a server that is gone by now.
    const mayGoOn = wanted !== null && reason === fault.NO_SERVER && this.#retries < this.group.retries.attemptsMax;
    if (!mayGoOn || !this.#goElsewhere(wanted)) this.#fail(reason);
  }

  #start(endpoint: Endpoint, fresh: boolean): void {
    const attempt = new Attempt(this.#exchange, this, endpoint, this.#isExtra);
    this.#isExtra = false;
    attempt.cause = this.#cause;
    if (this.#exchange.hasBegun) attempt.startedMs = this.#exchange.nowMs;
    this.#gate?.mark(attempt);
    if (this.#waitedMs !== null) attempt.waitedMs = this.#waitedMs;
    this.#waitedMs = null;
    this.#exchange.trace?.began(attempt);
    this.count++;
    this.#exchange.server = endpoint.label;
    this.current = attempt;
    // What went before, a wait or a stale connection, was no time of this server's.
    if (this.#mayHedge) this.#setTimer(this.group.hedgeAfterMs);
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

  /** The further try that was decided on can't be made. Always answers false. */
  #drop(why: string): false {
    this.#exchange.trace?.dropped(why);
    return false;
  }

  /** The further try that was charged is not made. */
  #dropCharge(): void {
    if (this.#isExtra) this.group.breaker.endRetry();
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
