/**
 * How full the proxy is with client connections, and what is given up for it, in this order:
 *
 *     0 ─────────────────► first mark ───────────────────────────► second mark ──────────► all
 *        everything kept      first responses say close,            new requests are        accepting rests, or where
 *                             idle connections end, oldest first    answered 503            it can't: resets
 *
 * The second mark is kept by `exchange/in-flight.ts`: idle connections don't count towards it. Memory that becomes
 * tight leads to the same steps (`memory-level.ts`).
 */

import type { Engine } from "../exchange/engine.ts";
import type { Limits } from "../limits.ts";
import { DESCRIPTORS_NOTICE_MS, EVICTABLE_AFTER_MS } from "../limits.ts";
import type { ConnectionBound } from "../observe/events.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import { affordableConnections } from "../upstream/server-connections.ts";
import { AddressCounts } from "./address-counts.ts";
import type { HttpSession } from "./http-session.ts";
import { MemoryLevel } from "./memory-level.ts";

/** A listener, as far as it is pressed. */
export interface PressedListener {
  readonly sessions: Iterable<HttpSession>;
  pauseAccepting(): void;
  resumeAccepting(): void;
}

const FIRST_MARK = 0.8;
const SECOND_MARK = 0.95;
/** How often room is looked for while it is tight and nobody comes. */
const LOOK_AGAIN_MS = 500;
const MEMORY_LOOK_MS = 1_000;
/** Requests, and connections, that are served however tight memory is: memory that is not given back is no standstill. */
const MEMORY_SPARE = 64;

/** The engine, as far as it is pressed or asked. */
export type PressedEngine = Pick<Engine, "inFlight" | "observer" | "runtime" | "timers">;

export class Pressure implements TimerOwner {
  readonly addresses = new AddressCounts();
  readonly listeners = new Set<PressedListener>();
  /** Client connections of all listeners. */
  connections = 0;
  connectionsMax = Number.POSITIVE_INFINITY;
  #isBoundByDescriptors = false;
  #firstMark = Number.POSITIVE_INFINITY;
  /** The first mark was lowered below what there is: nobody is kept until there is no more. */
  #isLowered = false;
  #inFlightMax = Number.POSITIVE_INFINITY;
  readonly #engine: PressedEngine;
  readonly #timers: Timers;
  readonly #timer = new Timer(this);
  /** Sessions that were told to leave and are not gone. */
  readonly #leaving = new Set<HttpSession>();
  /** Idle ones, the oldest last; found anew at most once a tick. */
  #candidates: HttpSession[] = [];
  #candidatesOfMs = -1;
  #isPaused = false;
  readonly #memory = new MemoryLevel();
  #nextLookMs = 0;
  #nextDescriptorsNoticeMs = 0;

  constructor(engine: PressedEngine) {
    this.#engine = engine;
    this.#timers = engine.timers;
  }

  /** The limits from now on. */
  goBy(limits: Limits): void {
    const affordable = affordableConnections(this.#engine.runtime);
    const max = Math.min(limits.clientConnectionsMax, affordable);
    this.#isBoundByDescriptors = affordable < limits.clientConnectionsMax;
    this.connectionsMax = max;
    const firstMark = Math.ceil(max * FIRST_MARK);
    if (firstMark < this.#firstMark) this.#isLowered = true;
    this.#firstMark = firstMark;
    this.#inFlightMax = Math.min(limits.inFlightMax, Math.ceil(max * SECOND_MARK));
    this.#weigh();
  }

  /**
   * Past the first mark whoever is served goes afterwards, so that others have a place. Not who has come back on its
   * connection before, and would come again: it would be one of those who find none.
   */
  keepsConnection(isFirst: boolean): boolean {
    return this.#memory.step === 0 && !((isFirst || this.#isLowered) && this.connections > this.#firstMark);
  }

  get isFull(): boolean {
    if (this.connections >= this.connectionsMax) return true;
    return this.#memory.step === 3 && this.connections >= MEMORY_SPARE;
  }

  /** Where it is full: what allows no more client connections than `limit`. */
  get bound(): { readonly limit: number; readonly by: ConnectionBound } {
    if (this.connections < this.connectionsMax) return { limit: MEMORY_SPARE, by: "memory" };
    return { limit: this.connectionsMax, by: this.#isBoundByDescriptors ? "descriptors" : "configuration" };
  }

  opened(): void {
    this.connections++;
    if (this.connections > this.#firstMark || this.#memory.step >= 1) this.#weigh();
  }

  closed(session: HttpSession): void {
    this.connections--;
    this.#leaving.delete(session);
    if (this.#isPaused || this.#timer.deadlineMs !== 0) this.#weigh();
  }

  /** That none is left: all listeners, and every attempt to accept, meet the same. */
  mayTellOfDescriptors(): boolean {
    const { nowMs } = this.#timers;
    if (nowMs < this.#nextDescriptorsNoticeMs) return false;
    this.#nextDescriptorsNoticeMs = nowMs + DESCRIPTORS_NOTICE_MS;
    return true;
  }

  onTimer(): void {
    this.#weigh();
  }

  /** Looks at the memory once a second. To be called every tick. */
  onTick(): void {
    const { observer, runtime, timers } = this.#engine;
    if (timers.nowMs < this.#nextLookMs) return;
    this.#nextLookMs = timers.nowMs + MEMORY_LOOK_MS;
    const load = runtime.memoryLoad();
    const memory = this.#memory;
    if (load === null || !memory.look(load)) return;
    observer.onNotice({ kind: "memory", step: memory.step, load: memory.load });
    this.#weigh();
  }

  #weigh(): void {
    const { inFlight } = this.#engine;
    inFlight.max = this.#memory.step >= 2 ? Math.min(this.#inFlightMax, MEMORY_SPARE) : this.#inFlightMax;
    if (this.connections <= this.#firstMark) {
      this.#isLowered = false;
      this.#timers.remove(this.#timer);
    } else {
      this.#makeRoom();
      if (this.#timer.deadlineMs === 0) this.#timers.set(this.#timer, LOOK_AGAIN_MS);
    }
    if (this.#isPaused === this.isFull) return;
    this.#isPaused = this.isFull;
    for (const listener of this.listeners) {
      if (this.#isPaused) listener.pauseAccepting();
      else listener.resumeAccepting();
    }
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
