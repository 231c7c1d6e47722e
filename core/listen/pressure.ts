/**
 * How full the proxy is with client connections, and what is given up for it, in this order:
 *
 *     0 ─────────────────► first mark ───────────────────────────► second mark ──────────► all
 *        everything kept      responses say close,                  new requests are        accepting rests, or where
 *                             idle connections end, oldest first    answered 503            it can't: resets
 *
 * The second mark is kept by `exchange/in-flight.ts`: idle connections don't count towards it.
 */

import type { InFlight } from "../exchange/in-flight.ts";
import type { Limits } from "../limits.ts";
import { DESCRIPTORS_RESERVED, EVICTABLE_AFTER_MS } from "../limits.ts";
import type { Runtime } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import { AddressCounts } from "./address-counts.ts";
import type { HttpSession } from "./http-session.ts";

/** A listener, as far as it is pressed. */
export interface Pressed {
  readonly sessions: ReadonlySet<HttpSession>;
  pauseAccepting(): void;
  resumeAccepting(): void;
}

const FIRST_MARK = 0.8;
const SECOND_MARK = 0.95;
/** How often room is looked for while it is tight and nobody comes. */
const LOOK_AGAIN_MS = 500;

export class Pressure implements TimerOwner {
  readonly addresses = new AddressCounts();
  readonly listeners = new Set<Pressed>();
  /** Client connections of all listeners. */
  connections = 0;
  connectionsMax = Number.POSITIVE_INFINITY;
  #firstMark = Number.POSITIVE_INFINITY;
  readonly #inFlight: InFlight;
  readonly #timers: Timers;
  readonly #timer = new Timer(this);
  /** Sessions that were told to leave and are not gone. */
  readonly #leaving = new Set<HttpSession>();
  /** Idle ones, the oldest last; found anew at most once a tick. */
  #candidates: HttpSession[] = [];
  #candidatesOfMs = -1;
  #isPaused = false;

  constructor(timers: Timers, inFlight: InFlight) {
    this.#timers = timers;
    this.#inFlight = inFlight;
  }

  /** The limits from now on. */
  goBy(limits: Limits, runtime: Runtime): void {
    const max = connectionsMaxOf(limits, runtime);
    this.connectionsMax = max;
    this.#firstMark = Math.ceil(max * FIRST_MARK);
    this.#inFlight.max = Math.min(limits.inFlightMax, Math.ceil(max * SECOND_MARK));
    this.#relax();
  }

  /** Past the first mark: whoever is served goes afterwards. */
  get isTight(): boolean {
    return this.connections > this.#firstMark;
  }

  get isFull(): boolean {
    return this.connections >= this.connectionsMax;
  }

  opened(): void {
    this.connections++;
    if (!this.isTight) return;
    this.#makeRoom();
    if (this.#timer.deadlineMs === 0) this.#timers.set(this.#timer, LOOK_AGAIN_MS);
    if (!this.isFull || this.#isPaused) return;
    this.#isPaused = true;
    for (const listener of this.listeners) listener.pauseAccepting();
  }

  closed(session: HttpSession): void {
    this.connections--;
    this.#leaving.delete(session);
    this.#relax();
  }

  onTimer(): void {
    this.#makeRoom();
    if (this.isTight) this.#timers.set(this.#timer, LOOK_AGAIN_MS);
  }

  #relax(): void {
    if (!this.isTight) this.#timers.remove(this.#timer);
    if (!this.#isPaused || this.isFull) return;
    this.#isPaused = false;
    for (const listener of this.listeners) listener.resumeAccepting();
  }

  /** Ends idle connections until what will be left is within the first mark (S05). */
  #makeRoom(): void {
    while (this.connections - this.#leaving.size > this.#firstMark) {
      const session = this.#oldestIdle();
      if (session === null) return;
      this.#leaving.add(session);
      session.connection.leave();
    }
  }

  #oldestIdle(): HttpSession | null {
    for (;;) {
      const session = this.#candidates.pop();
      if (session === undefined) {
        if (!this.#findCandidates()) return null;
      } else if (this.#isEvictable(session)) return session;
    }
  }

  #findCandidates(): boolean {
    if (this.#candidatesOfMs === this.#timers.nowMs) return false;
    this.#candidatesOfMs = this.#timers.nowMs;
    for (const { sessions } of this.listeners) {
      for (const session of sessions) if (this.#isEvictable(session)) this.#candidates.push(session);
    }
    this.#candidates.sort((one, other) => one.connection.idleSinceMs - other.connection.idleSinceMs).reverse();
    return true;
  }

  /** A connection that is idle only since a moment may have its next request on the way. */
  #isEvictable({ connection }: HttpSession): boolean {
    return connection.isIdle && this.#timers.nowMs - connection.idleSinceMs >= EVICTABLE_AFTER_MS;
  }
}

/** Each client connection may need one to an upstream; the rest of the descriptors is for everything else. */
function connectionsMaxOf(limits: Limits, runtime: Runtime): number {
  const descriptorsMax = runtime.descriptorsMax();
  const affordable =
    descriptorsMax === null
      ? Number.POSITIVE_INFINITY
      : Math.floor(((descriptorsMax - DESCRIPTORS_RESERVED) * 0.8) / 2);
  return Math.max(1, Math.min(limits.clientConnectionsMax, affordable));
}
