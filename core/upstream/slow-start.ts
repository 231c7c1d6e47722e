/**
 * A server that has just come back, or joined the others, begins with a tenth of its weight and gets all of it after
 * `slowStart`: caches fill, code warms up. Never at process start, when all of them would be equally cold.
 */

import type { Endpoint } from "./endpoint.ts";

/** Below this its turn would hardly come, and it would stay cold. Envoy's number. */
const SHARE_MIN = 0.1;

export class SlowStart {
  readonly #windowMs: number;
  #starting: Endpoint[] = [];
  #advancedMs = Number.NEGATIVE_INFINITY;

  /** 0 lets everybody start at once. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get isIdle(): boolean {
    return this.#starting.length === 0;
  }

  begin(endpoint: Endpoint, nowMs: number): void {
    if (this.#windowMs === 0) return;
    endpoint.readySinceMs = nowMs;
    endpoint.setWarmth(SHARE_MIN);
    if (!this.#starting.includes(endpoint)) this.#starting.push(endpoint);
  }

  /** Those that came back since they were looked at last. */
  beginReady(endpoints: readonly Endpoint[]): void {
    if (this.#windowMs === 0) return;
    for (const endpoint of endpoints) {
      const { readySinceMs } = endpoint.health;
      if (readySinceMs > endpoint.readySinceMs) this.begin(endpoint, readySinceMs);
    }
  }

  /** The servers from now on. Those that began under another group, before a reload, go on here; who is gone is let go. */
  follow(endpoints: readonly Endpoint[]): void {
    const starting = endpoints.filter(({ warmth }) => warmth !== 1);
    if (this.#windowMs > 0) this.#starting = starting;
    else for (const endpoint of starting) endpoint.setWarmth(1);
  }

  /** Brings the weights up to date. Costs something once per tick, not for every request: all may be starting. */
  advance(nowMs: number): void {
    if (nowMs === this.#advancedMs) return;
    this.#advancedMs = nowMs;
    const starting = this.#starting;
    for (let i = starting.length - 1; i >= 0; i--) {
      const endpoint = starting[i]!;
      const share = Math.min(1, Math.max(SHARE_MIN, (nowMs - endpoint.readySinceMs) / this.#windowMs));
      endpoint.setWarmth(share);
      if (share === 1) starting.splice(i, 1);
    }
  }
}
