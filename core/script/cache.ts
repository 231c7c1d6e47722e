/**
 * `context.cache`: what hooks have looked up, kept for all of them.
 *
 *     loaded ── ttl ──► stale: answered at once, loaded anew beside ── staleWhileRevalidate ──► whoever asks waits
 *        ▲                                                                                         │
 *        └───────────── loaded ◄───────────────────────────────────────────────────────────────────┤
 *           failed: the last value within staleIfError, else the error; the next load a moment later ┘
 *
 * Keys that have a value and keys that have none are bounded apart, so that whoever asks for names that do not exist
 * pushes out nobody who does.
 */

import {
  CACHE_EMPTY_MAX,
  CACHE_KEY_LENGTH_MAX,
  CACHE_LOADS_HUNG_MAX,
  CACHE_LOOKED_AT_MAX,
  CACHE_NOTICE_MS,
  CACHE_VALUES_MAX,
} from "../limits.ts";
import type { Notice } from "../observe/events.ts";
import type { Timers } from "../time/timers.ts";
import { CacheEntry } from "./cache-entry.ts";
import { CacheOrder } from "./cache-order.ts";
import { cacheTimes } from "./cache-times.ts";
import { kindOf } from "./describe-value.ts";
import type { CacheLoad, CacheOptions } from "./hooks.ts";

export interface CacheSurroundings {
  readonly timers: Timers;
  notify(notice: Notice): void;
}

/** What `context.cache` holds, and how it has done since the start. */
export interface CacheCounts {
  /** Keys that have a value, and those that have none. */
  readonly values: number;
  readonly empty: number;
  /** Answered by what was fresh. */
  readonly hits: number;
  /** Answered by what was not, because it was loaded anew meanwhile, or could not be. */
  readonly stale: number;
  readonly loads: number;
  readonly failures: number;
  readonly evictions: number;
  /** Loads that were given up and have not ended. */
  readonly hung: number;
}

export class Cache {
  readonly timers: Timers;
  readonly #notify: (notice: Notice) => void;
  readonly #values = new CacheOrder();
  readonly #empty = new CacheOrder();
  #hits = 0;
  #stale = 0;
  #loads = 0;
  #failures = 0;
  #evictions = 0;
  hung = 0;
  #failuresUntold = 0;
  #quietUntilMs = 0;

  constructor({ timers, notify }: CacheSurroundings) {
    this.timers = timers;
    this.#notify = notify;
  }

  /** The time that values age by: of the last tick, and not held back when the process stood still. */
  get nowMs(): number {
    return this.timers.tickedMs;
  }

  get counts(): CacheCounts {
    return {
      values: this.#values.size,
      empty: this.#empty.size,
      hits: this.#hits,
      stale: this.#stale,
      loads: this.#loads,
      failures: this.#failures,
      evictions: this.#evictions,
      hung: this.hung,
    };
  }

  /** A function of its own, without `this`: hooks are given it. */
  readonly get = <T>(key: string, load: CacheLoad<T>, options?: CacheOptions): T | Promise<T> => {
    const entry = this.#find(key);
    if (entry !== null && this.nowMs < entry.freshUntilMs) {
      this.#hits++;
      return entry.value as T;
    }
    return this.#getOld(entry ?? this.#make(key), load as CacheLoad<unknown>, options) as T | Promise<T>;
  };

  /** There is nothing fresh. */
  #getOld(entry: CacheEntry, load: CacheLoad<unknown>, options: CacheOptions | undefined): unknown {
    const { nowMs } = this;
    const times = cacheTimes(options);
    if (typeof load !== "function")
      throw new TypeError(`context.cache(key, load): load is ${kindOf(load)}; give a function`);
    const wasStale = entry.isServedStaleAt(nowMs);
    if (entry.mayLoadAt(nowMs)) {
      this.#keep(entry);
      this.#load(entry, load, times);
    }
    if (nowMs < entry.freshUntilMs) return entry.value;
    if (wasStale || (!entry.isLoading && entry.hasFailed && entry.isGoodEnoughAt(nowMs))) {
      this.#stale++;
      return entry.value;
    }
    if (entry.isLoading) return entry.wait();
    // Only what was loaded for this very call may be old already: its `ttl` is 0.
    if (!entry.hasFailed) return entry.value;
    throw entry.error;
  }

  #load(entry: CacheEntry, load: CacheLoad<unknown>, times: ReturnType<typeof cacheTimes>): void {
    this.#loads++;
    if (this.hung >= CACHE_LOADS_HUNG_MAX)
      entry.fail(new Error(`context.cache: ${CACHE_LOADS_HUNG_MAX} loads have been given up and have not ended`));
    else entry.load(load, times);
  }

  /** A load has brought a value, or that there is none. */
  onLoaded(entry: CacheEntry): void {
    this.#keep(entry);
  }

  onFailed(entry: CacheEntry): void {
    this.#failures++;
    this.#failuresUntold++;
    if (this.nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = this.nowMs + CACHE_NOTICE_MS;
    this.#notify({ kind: "cache-failing", failures: this.#failuresUntold, error: entry.error });
    this.#failuresUntold = 0;
  }

  /** Somebody waited for a load that failed, and gets the value from before. */
  onStale(): void {
    this.#stale++;
  }

  /** Found, it is the one used last. */
  #find(key: string): CacheEntry | null {
    if (typeof key !== "string") throw new TypeError(`context.cache(key, load): key is ${kindOf(key)}; give a text`);
    const valued = this.#values.get(key);
    const entry = valued ?? this.#empty.get(key);
    if (entry === undefined) return null;
    (valued === undefined ? this.#empty : this.#values).touch(entry);
    return entry;
  }

  #make(key: string): CacheEntry {
    return new CacheEntry(key, this);
  }

  #keep(entry: CacheEntry): void {
    const { key } = entry;
    if (key.length > CACHE_KEY_LENGTH_MAX) return;
    const [kept, other, max] = entry.hasValue
      ? ([this.#values, this.#empty, CACHE_VALUES_MAX] as const)
      : ([this.#empty, this.#values, CACHE_EMPTY_MAX] as const);
    const present = kept.get(key);
    // Pushed out while it was loading, and made anew since: that one is the newer.
    if (present !== undefined && present !== entry) return;
    const there = other.get(key);
    if (there === entry) other.remove(entry);
    else if (there !== undefined) return;
    if (present !== undefined) return;
    if (kept.size >= max) this.#evict(kept);
    kept.add(entry);
  }

  #evict(kept: CacheOrder): void {
    const { nowMs } = this;
    let gone = kept.oldest!;
    let looked = 0;
    for (let entry = kept.oldest; entry !== null && looked < CACHE_LOOKED_AT_MAX; entry = entry.newer) {
      looked++;
      if (!entry.isUselessAt(nowMs)) continue;
      gone = entry;
      break;
    }
    kept.remove(gone);
    this.#evictions++;
  }
}
