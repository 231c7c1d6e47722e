/**
 * Lets a hook rest that mostly fails, so that nobody waits for what will not come:
 *
 *     closed ── half of the calls of a while failed ──► open ── rest over ──► one call tries ── well ──► closed
 *                                                         ▲                        │
 *                                                         └──── failed: twice as long ┘
 */

import {
  HOOK_BREAKER_FAILURES_MIN,
  HOOK_BREAKER_SHARE,
  HOOK_BREAKER_WINDOW_MS,
  HOOK_REST_MS_MAX,
  HOOK_REST_MS_MIN,
} from "../limits.ts";

export class HookBreaker {
  #calls = 0;
  #failures = 0;
  #windowEndsMs = 0;
  #restMs = 0;
  /** Until when nobody calls; 0 while closed. */
  #restsUntilMs = 0;
  #isTrying = false;

  get isOpen(): boolean {
    return this.#restsUntilMs !== 0;
  }

  /** Whether to call now. One that is let through tells how it went, once. */
  admits(nowMs: number): boolean {
    if (this.#restsUntilMs === 0) return true;
    if (this.#isTrying || nowMs < this.#restsUntilMs) return false;
    this.#isTrying = true;
    return true;
  }

  succeed(nowMs: number): void {
    this.#count(nowMs);
    if (!this.#isTrying) return;
    this.#isTrying = false;
    this.#restsUntilMs = 0;
    this.#restMs = 0;
    this.#windowEndsMs = 0;
  }

  fail(nowMs: number): void {
    this.#count(nowMs);
    this.#failures++;
    const isBad = this.#failures >= HOOK_BREAKER_FAILURES_MIN && this.#failures >= HOOK_BREAKER_SHARE * this.#calls;
    // Calls from before it opened say nothing new.
    if (!this.#isTrying && (this.isOpen || !isBad)) return;
    this.#isTrying = false;
    this.#restMs = Math.min(Math.max(2 * this.#restMs, HOOK_REST_MS_MIN), HOOK_REST_MS_MAX);
    this.#restsUntilMs = nowMs + this.#restMs;
    this.#windowEndsMs = 0;
  }

  /** Nobody waited for the answer: it says nothing. */
  forget(): void {
    this.#isTrying = false;
  }

  #count(nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) {
      this.#calls = 0;
      this.#failures = 0;
      this.#windowEndsMs = nowMs + HOOK_BREAKER_WINDOW_MS;
    }
    this.#calls++;
  }
}
