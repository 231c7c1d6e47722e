/**
 * What a reload leaves behind: requests whose route or server is no longer configured, and listeners that are gone
 * with their sessions. They get the time of a drain, then they are cut, so that it can be seen. Everything else of a
 * proxy does not notice; nothing is kept per request before a reload comes.
 */

import type { Exchange } from "../exchange/exchange.ts";
import * as fault from "../fault.ts";
import { LAST_CHANCE_MS } from "../limits.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { HttpSession } from "./http-session.ts";
import type { Listener } from "./listener.ts";

/** Decides what may go on. */
export interface Judge {
  keepsRoute(route: NonNullable<Exchange["route"]>): boolean;
  /** Servers that this reload has removed. */
  readonly retired: ReadonlySet<Endpoint>;
}

export class Departures implements TimerOwner {
  readonly listeners: readonly Listener[];
  readonly #timers: Timers;
  readonly #timer: Timer;
  /** Their route is gone. */
  readonly #strays = new Map<HttpSession, Exchange>();
  /** At a server that is gone, or about to choose one, or at two: any of them may end at a server that stays. */
  readonly #unsettled = new Map<HttpSession, Exchange>();
  /** Servers do not come back: one that is configured again later is another one. */
  #retired: ReadonlySet<Endpoint> = new Set();
  /** The deadline has passed. */
  #isLate = false;
  readonly #onOver: (departures: Departures) => void;

  /** `listeners` are those that leave. */
  constructor(timers: Timers, listeners: readonly Listener[], onOver: (departures: Departures) => void) {
    this.listeners = listeners;
    this.#timers = timers;
    this.#timer = new Timer(this);
    this.#onOver = onOver;
  }

  /** Looks for requests that have lost their ground, and starts the clock. */
  begin(sessions: Iterable<HttpSession>, judge: Judge, delayMs: number): void {
    this.#retired = judge.retired;
    for (const session of sessions) {
      const { exchange } = session;
      if (exchange === null || exchange.route === null) continue;
      if (judge.keepsRoute(exchange.route)) this.#look(session, exchange);
      else this.#strays.set(session, exchange);
    }
    this.#timers.set(this.#timer, delayMs);
    this.check();
  }

  /** A later reload may bring back the route they are on. */
  pardon({ keepsRoute }: Judge): void {
    for (const [session, exchange] of this.#strays) {
      if (!keepsRoute(exchange.route!)) continue;
      this.#strays.delete(session);
      this.#look(session, exchange);
    }
  }

  #look(session: HttpSession, exchange: Exchange): void {
    if (this.#retired.size > 0) this.#unsettled.set(session, exchange);
  }

  /** To be called now and then: lets the sessions of leaving listeners go, and notices when nothing is left. */
  check(): void {
    this.#settle();
    for (const [session, exchange] of this.#strays) if (session.exchange !== exchange) this.#strays.delete(session);
    let isOver = this.#strays.size + this.#unsettled.size === 0;
    for (const listener of this.listeners) {
      if (this.#isLate) listener.closeAll(fault.RELOADED);
      else listener.closeIdle(LAST_CHANCE_MS);
      if ((listener.sessions.size > 0 && !this.#isLate) || !listener.hasClosed) isOver = false;
    }
    if (isOver) this.end();
  }

  /** Whoever is at one server that stays has nothing to fear any more. */
  #settle(): void {
    for (const [session, exchange] of this.#unsettled) {
      const isUnderWay = session.exchange === exchange;
      if (isUnderWay && exchange.isUndecided) continue;
      const isAtRetired = isUnderWay && this.#isRetired(exchange.currentAttempt);
      if (isAtRetired && !this.#isLate) continue;
      this.#unsettled.delete(session);
      if (isAtRetired) exchange.onFault(fault.RELOADED);
    }
  }

  #isRetired(attempt: Exchange["currentAttempt"]): boolean {
    return attempt !== null && this.#retired.has(attempt.endpoint);
  }

  end(): void {
    this.#timers.remove(this.#timer);
    this.#onOver(this);
  }

  onTimer(): void {
    for (const [session, exchange] of this.#strays) if (session.exchange === exchange) exchange.onFault(fault.RELOADED);
    this.#strays.clear();
    this.#isLate = true;
    this.check();
  }
}

/** Answers whether any request is still under way that began on this code of a configuration. */
export function underWayOn(code: () => unknown, sessions: readonly HttpSession[]): () => boolean {
  let left = sessions.flatMap((session) => {
    const { exchange } = session;
    return exchange !== null && exchange.deployment.snapshot.onUnload === code ? [{ session, exchange }] : [];
  });
  return () => {
    left = left.filter(({ session, exchange }) => session.exchange === exchange);
    return left.length > 0;
  };
}
