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

/** Of calls that do not try whether the hook is well again. */
export const ORDINARY = 0;

export class HookBreaker {
  #calls = 0;
  #failures = 0;
  #windowEndsMs = 0;
  #restMs = 0;
  /** Until when nobody calls; 0 while closed. */
  #restsUntilMs = 0;
  /** The number of the call that tries now; ORDINARY: none does. */
  #trial = ORDINARY;
  #trials = 0;

  get isOpen(): boolean {
    return this.#restsUntilMs !== 0;
  }

  restsForMs(nowMs: number): number {
    return Math.max(0, this.#restsUntilMs - nowMs);
  }

  /** Whether to call now: -1 is no, else what to tell with how it went. */
  admit(nowMs: number): number {
    if (this.#restsUntilMs === 0) return ORDINARY;
    if (this.#trial !== ORDINARY || nowMs < this.#restsUntilMs) return -1;
    this.#trial = ++this.#trials;
    return this.#trial;
  }

  /** `trial` is what `admit` has answered: calls from before it opened may end while another one tries. */
  succeed(nowMs: number, trial = ORDINARY): void {
    this.#count(nowMs);
    if (trial === ORDINARY || trial !== this.#trial) return;
    this.#trial = ORDINARY;
    this.#restsUntilMs = 0;
    this.#restMs = 0;
    this.#windowEndsMs = 0;
  }

  fail(nowMs: number, trial = ORDINARY): void {
    const isTrial = trial !== ORDINARY && trial === this.#trial;
    this.#count(nowMs);
    this.#failures++;
    const isBad = this.#failures >= HOOK_BREAKER_FAILURES_MIN && this.#failures >= HOOK_BREAKER_SHARE * this.#calls;
    // Calls from before it opened say nothing new.
    if (!isTrial && (this.isOpen || !isBad)) return;
    this.#trial = ORDINARY;
    this.#restMs = Math.min(Math.max(2 * this.#restMs, HOOK_REST_MS_MIN), HOOK_REST_MS_MAX);
    this.#restsUntilMs = nowMs + this.#restMs;
    this.#windowEndsMs = 0;
  }

  /** Nobody waits for its answer, or not soon: another one may try. */
  forget(trial: number): void {
    if (trial === this.#trial) this.#trial = ORDINARY;
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
