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
  readonly #exchanges = new Map<HttpSession, Exchange>();
  /** Between two tries, or before the first: the next one may begin at a server that is gone. */
  readonly #undecided = new Map<HttpSession, Exchange>();
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
      if (exchange === null) continue;
      if (!mayGoOn(exchange, judge)) this.#exchanges.set(session, exchange);
      else if (isUndecided(exchange) && judge.retired.size > 0) this.#undecided.set(session, exchange);
    }
    this.#timers.set(this.#timer, delayMs);
    this.check();
  }

  /** A later reload may bring back the route they are on. */
  pardon({ keepsRoute, retired }: Judge): void {
    const judge = { keepsRoute, retired: new Set([...retired, ...this.#retired]) };
    for (const [session, exchange] of this.#exchanges) if (mayGoOn(exchange, judge)) this.#exchanges.delete(session);
  }

  /** To be called now and then: lets the sessions of leaving listeners go, and notices when nothing is left. */
  check(): void {
    this.#decide();
    for (const [session, exchange] of this.#exchanges)
      if (session.exchange !== exchange) this.#exchanges.delete(session);
    let isOver = this.#exchanges.size + this.#undecided.size === 0;
    for (const listener of this.listeners) {
      if (this.#isLate) listener.closeAll(fault.RELOADED);
      else listener.closeIdle(LAST_CHANCE_MS);
      if ((listener.sessions.size > 0 && !this.#isLate) || !listener.hasClosed) isOver = false;
    }
    if (isOver) this.end();
  }

  #decide(): void {
    for (const [session, exchange] of this.#undecided) {
      if (session.exchange === exchange && isUndecided(exchange)) continue;
      this.#undecided.delete(session);
      const endpoint = endpointOf(exchange);
      if (session.exchange !== exchange || endpoint === null || !this.#retired.has(endpoint)) continue;
      if (this.#isLate) exchange.onFault(fault.RELOADED);
      else this.#exchanges.set(session, exchange);
    }
  }

  end(): void {
    this.#timers.remove(this.#timer);
    this.#onOver(this);
  }

  onTimer(): void {
    for (const [session, exchange] of this.#exchanges)
      if (session.exchange === exchange) exchange.onFault(fault.RELOADED);
    this.#exchanges.clear();
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

function isUndecided(exchange: Exchange): boolean {
  return exchange.route !== null && endpointOf(exchange) === null && exchange.mayAsk;
}

function endpointOf({ currentAttempt }: Exchange): Endpoint | null {
  return currentAttempt === null ? null : currentAttempt.endpoint;
}

function mayGoOn(exchange: Exchange, { keepsRoute, retired }: Judge): boolean {
  const { route } = exchange;
  const endpoint = endpointOf(exchange);
  return (route === null || keepsRoute(route)) && (endpoint === null || !retired.has(endpoint));
}
