/**
 * What further tries an upstream may cost, so that trying again never becomes the load that keeps it down: a bucket
 * of tokens. Each request puts a share of one in, each second some; each further try takes one out.
 */

import { RETRY_BUDGET_REQUESTS, RETRY_BUDGET_SECONDS } from "../limits.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export class RetryBudget {
  #share = 0;
  #perSecond = 0;
  #tokensMax = 0;
  #tokens: number;
  #filledMs: number;
  /** Further tries that were made, and those that were not for lack of tokens. */
  granted = 0;
  refused = 0;

  constructor(policy: RetryPolicy, nowMs: number) {
    this.reconfigure(policy);
    // What the first second brings is there at once.
    this.#tokens = this.#perSecond;
    this.#filledMs = nowMs + 1_000;
  }

  /** Other numbers from now on; what was saved up stays. */
  reconfigure({ budgetShare, budgetPerSecond }: RetryPolicy): void {
    this.#share = budgetShare;
    this.#perSecond = budgetPerSecond;
    this.#tokensMax = budgetShare * RETRY_BUDGET_REQUESTS + budgetPerSecond * RETRY_BUDGET_SECONDS;
  }

  /** A request has come. */
  deposit(): void {
    if (this.#tokens < this.#tokensMax) this.#tokens += this.#share;
  }

  /** What is there now. */
  tokens(nowMs: number): number {
    const earned = (Math.max(nowMs - this.#filledMs, 0) * this.#perSecond) / 1000;
    return Math.min(this.#tokens + earned, this.#tokensMax);
  }

  /** False: a further try would be one too many. */
  withdraw(nowMs: number): boolean {
    this.#tokens = this.tokens(nowMs);
    this.#filledMs = Math.max(nowMs, this.#filledMs);
    if (this.#tokens < 1 - ROUNDING) {
      this.refused++;
      return false;
    }
    this.#tokens--;
    this.granted++;
    return true;
  }
}

/** Ten tenths are a little less than one. */
const ROUNDING = 1e-9;
