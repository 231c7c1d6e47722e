/** One key of the cache: its value, how long that is good for what, and the one load that is under way. */

import { CACHE_RETRY_MS_MAX, CACHE_RETRY_MS_MIN } from "../limits.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { CacheTimes } from "./cache-times.ts";
import type { CacheLoad } from "./hooks.ts";
import { isPromise } from "./is-promise.ts";

/** The cache it is in. */
export interface CacheEntryOwner {
  readonly timers: Timers;
  readonly nowMs: number;
  hung: number;
  onLoaded(entry: CacheEntry): void;
  onFailed(entry: CacheEntry): void;
  onStale(): void;
}

export class CacheEntry {
  readonly key: string;
  /** Its neighbours in the order of use, which `CacheOrder` keeps. */
  older: CacheEntry | null = null;
  newer: CacheEntry | null = null;
  value: unknown = undefined;
  freshUntilMs = Number.NEGATIVE_INFINITY;
  #staleUntilMs = Number.NEGATIVE_INFINITY;
  #goodUntilMs = Number.NEGATIVE_INFINITY;
  /** Of the last load, if that failed. */
  error: unknown = null;
  #retryMs = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #load: Load | null = null;
  #waiting: { promise: Promise<unknown>; resolve(value: unknown): void; reject(error: unknown): void } | null = null;
  readonly #owner: CacheEntryOwner;

  constructor(key: string, owner: CacheEntryOwner) {
    this.key = key;
    this.#owner = owner;
  }

  /** Null and undefined say that there is none. */
  get hasValue(): boolean {
    return this.value !== undefined && this.value !== null;
  }
  get isLoading(): boolean {
    return this.#load !== null;
  }
  get hasFailed(): boolean {
    return this.#retryMs > 0;
  }

  mayLoadAt(nowMs: number): boolean {
    return this.#load === null && nowMs >= this.#retryAtMs;
  }

  /** Nobody has to wait: it is not old, or it could not be loaded a moment ago, so that trying again may take as long. */
  isServedStaleAt(nowMs: number): boolean {
    if (nowMs < this.#staleUntilMs) return true;
    return this.hasFailed && nowMs < this.#retryAtMs + CACHE_RETRY_MS_MAX && this.isGoodEnoughAt(nowMs);
  }

  /** Better than an error. */
  isGoodEnoughAt(nowMs: number): boolean {
    return nowMs < this.#goodUntilMs;
  }

  isUselessAt(nowMs: number): boolean {
    return this.#load === null && nowMs >= this.#retryAtMs && nowMs >= Math.max(this.#staleUntilMs, this.#goodUntilMs);
  }

  load(load: CacheLoad<unknown>, times: CacheTimes): void {
    const begun = new Load(this, times);
    this.#load = begun;
    begun.run(load);
  }

  /** The load under way has ended, or was given up. */
  loaded(value: unknown, times: CacheTimes): void {
    const ttlMs = value === undefined || value === null ? times.negativeTtlMs : times.ttlMs;
    this.#load = null;
    this.value = value;
    this.freshUntilMs = this.#owner.nowMs + ttlMs;
    this.#staleUntilMs = this.freshUntilMs + times.staleWhileRevalidateMs;
    this.#goodUntilMs = this.freshUntilMs + Math.max(times.staleIfErrorMs, times.staleWhileRevalidateMs);
    this.error = null;
    this.#retryMs = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    this.#owner.onLoaded(this);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(value);
  }

  fail(error: unknown): void {
    const { nowMs } = this.#owner;
    this.#load = null;
    this.error = error;
    this.#retryMs = Math.min(Math.max(2 * this.#retryMs, CACHE_RETRY_MS_MIN), CACHE_RETRY_MS_MAX);
    this.#retryAtMs = nowMs + this.#retryMs;
    this.#owner.onFailed(this);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) return;
    if (this.isGoodEnoughAt(nowMs)) {
      this.#owner.onStale();
      waiting.resolve(this.value);
    } else waiting.reject(error);
  }

  /** One promise for all who wait. */
  wait(): Promise<unknown> {
    if (this.#waiting === null) {
      const { promise, resolve, reject } = newPromise();
      // Whoever waits hears of it; and a hook that does not wait is no reason to end a process.
      promise.catch(() => {});
      this.#waiting = { promise, resolve, reject };
    }
    return this.#waiting.promise;
  }

  get owner(): CacheEntryOwner {
    return this.#owner;
  }
}

class Load implements TimerOwner {
  readonly #entry: CacheEntry;
  readonly #times: CacheTimes;
  readonly #timer = new Timer(this);
  readonly #abort = new AbortController();
  #isOver = false;

  constructor(entry: CacheEntry, times: CacheTimes) {
    this.#entry = entry;
    this.#times = times;
  }

  run(load: CacheLoad<unknown>): void {
    const { timers } = this.#entry.owner;
    let answer: unknown;
    try {
      answer = load(this.#abort.signal);
      if (isPromise(answer)) {
        timers.set(this.#timer, this.#times.timeoutMs);
        void this.#hear(answer);
        return;
      }
    } catch (error) {
      this.#entry.fail(error);
      return;
    }
    this.#entry.loaded(answer, this.#times);
  }

  /** Once, whatever it is that calls itself a promise. */
  async #hear(promise: unknown): Promise<void> {
    let value: unknown;
    try {
      value = await promise;
    } catch (error) {
      this.#settle(() => this.#entry.fail(error));
      return;
    }
    this.#settle(() => this.#entry.loaded(value, this.#times));
  }

  onTimer(): void {
    const { owner } = this.#entry;
    const error = new Error(`context.cache: loading took longer than ${this.#times.timeoutMs} ms`);
    this.#isOver = true;
    owner.hung++;
    this.#entry.fail(error);
    this.#abort.abort(error);
  }

  #settle(end: () => void): void {
    const { owner } = this.#entry;
    if (this.#isOver) {
      owner.hung--;
      return;
    }
    this.#isOver = true;
    owner.timers.remove(this.#timer);
    end();
  }
}

function newPromise(): { promise: Promise<unknown>; resolve(value: unknown): void; reject(error: unknown): void } {
  let resolve: (value: unknown) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<unknown>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
