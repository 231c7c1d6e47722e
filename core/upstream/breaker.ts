/**
 * Caps on what an upstream is asked at once. Beyond a cap the request is answered 503 without asking anybody, so that
 * an upstream that has become slow does not take the whole proxy with it. That a cap was reached is told once, and so is
 * that it no longer is.
 */

import { BREAKER_CALM_MS } from "../limits.ts";
import type { Observer } from "../observe/events.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";

export type BreakerCap = "inFlight" | "connections" | "pending" | "retries";

/** Infinity for none. */
export type BreakerCaps = Readonly<Record<BreakerCap, number>>;

export const NO_CAPS: BreakerCaps = Object.freeze({
  inFlight: Number.POSITIVE_INFINITY,
  connections: Number.POSITIVE_INFINITY,
  pending: Number.POSITIVE_INFINITY,
  retries: Number.POSITIVE_INFINITY,
});

export class Breaker {
  caps: BreakerCaps;
  /** Requests under way, waiting ones included. */
  inFlight = 0;
  /** Further tries under way. */
  retries = 0;
  readonly #upstream: string;
  readonly #timers: Timers;
  readonly #observer: Observer | undefined;
  readonly #open = new Map<BreakerCap, OpenCap>();

  constructor(upstream: string, caps: BreakerCaps, timers: Timers, observer: Observer | undefined) {
    this.#upstream = upstream;
    this.caps = caps;
    this.#timers = timers;
    this.#observer = observer;
  }

  /** A request has come; false: it is one too many, and `leave` does not follow. */
  enter(): boolean {
    if (this.inFlight >= this.caps.inFlight) return this.refuse("inFlight");
    this.inFlight++;
    return true;
  }

  leave(): void {
    this.inFlight--;
  }

  /** A further try; false: it is one too many, and `endRetry` does not follow. */
  enterRetry(): boolean {
    if (this.retries >= this.caps.retries) return this.refuse("retries");
    this.retries++;
    return true;
  }

  endRetry(): void {
    this.retries--;
  }

  /** Something beyond `cap` was refused. Always answers false. */
  refuse(cap: BreakerCap): false {
    const open = this.#open.get(cap);
    if (open !== undefined) {
      open.refused++;
      return false;
    }
    const opened = new OpenCap((refused) => {
      this.#open.delete(cap);
      this.#tell(cap, false, refused);
    }, this.#timers);
    this.#open.set(cap, opened);
    this.#tell(cap, true, 1);
    return false;
  }

  retire(): void {
    for (const open of this.#open.values()) open.stop();
    this.#open.clear();
  }

  #tell(cap: BreakerCap, isOpen: boolean, refused: number): void {
    const limit = this.caps[cap];
    this.#observer?.onNotice({ kind: "breaker", upstream: this.#upstream, cap, limit, isOpen, refused });
  }
}

/** A cap that was reached, until nothing has been refused for a while. */
class OpenCap implements TimerOwner {
  refused = 1;
  readonly #timer = new Timer(this);
  readonly #timers: Timers;
  readonly #onCalm: (refused: number) => void;
  #seen = 1;

  constructor(onCalm: (refused: number) => void, timers: Timers) {
    this.#onCalm = onCalm;
    this.#timers = timers;
    timers.set(this.#timer, BREAKER_CALM_MS);
  }

  stop(): void {
    this.#timers.remove(this.#timer);
  }

  onTimer(): void {
    if (this.refused === this.#seen) {
      this.#onCalm(this.refused);
      return;
    }
    this.#seen = this.refused;
    this.#timers.set(this.#timer, BREAKER_CALM_MS);
  }
}
