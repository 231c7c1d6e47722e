/**
 * Watches whether a peer we wait for moves on: not at all for too long, or so slowly that it only holds a place.
 * Time in which we did not wait for it (it was held, or had nothing to take) doesn't count.
 */

import { RATE_GRACE_MS } from "../limits.ts";

/** How often a waiting peer's rate is looked at. */
const CHECK_MS = 5_000;

export type Pace = "moving" | "idle" | "slow";

export class ProgressWatch {
  #bytes = 0;
  #lastMoveMs = 0;
  #waitedMs = 0;
  /** -1 while we don't wait. */
  #waitingSinceMs = -1;

  begin(nowMs: number): void {
    this.#bytes = 0;
    this.#waitedMs = 0;
    this.#lastMoveMs = nowMs;
    this.#waitingSinceMs = -1;
  }

  wait(nowMs: number): void {
    if (this.#waitingSinceMs !== -1) return;
    this.#waitingSinceMs = nowMs;
    this.#lastMoveMs = nowMs;
  }

  stop(nowMs: number): void {
    if (this.#waitingSinceMs === -1) return;
    this.#waitedMs += nowMs - this.#waitingSinceMs;
    this.#waitingSinceMs = -1;
  }

  moved(bytes: number, nowMs: number): void {
    if (this.#bytes === 0) {
      // The rate counts from the first byte on: before it a client may wait for a 100 (Continue) itself.
      this.#waitedMs = 0;
      if (this.#waitingSinceMs !== -1) this.#waitingSinceMs = nowMs;
    }
    this.#bytes += bytes;
    this.#lastMoveMs = nowMs;
  }

  pace(nowMs: number, idleMs: number, bytesPerSecondMin: number): Pace {
    if (this.#waitingSinceMs === -1) return "moving";
    if (nowMs - this.#lastMoveMs >= idleMs) return "idle";
    const waitedMs = this.#waitedMs + nowMs - this.#waitingSinceMs;
    if (this.#bytes > 0 && waitedMs > RATE_GRACE_MS && this.#bytes * 1000 < bytesPerSecondMin * waitedMs) return "slow";
    return "moving";
  }

  /** When to ask for the pace again, in milliseconds from now. */
  nextCheckMs(nowMs: number, idleMs: number): number {
    if (this.#waitingSinceMs === -1) return Math.min(CHECK_MS, idleMs);
    return Math.min(Math.max(this.#lastMoveMs + idleMs - nowMs, 0), CHECK_MS);
  }
}
