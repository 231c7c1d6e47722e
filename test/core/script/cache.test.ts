import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { CACHE_EMPTY_MAX, CACHE_KEY_LENGTH_MAX, CACHE_LOADS_HUNG_MAX, CACHE_VALUES_MAX } from "../../../core/limits.ts";
import { Cache } from "../../../core/script/cache.ts";
import type { CacheOptions } from "../../../core/script/hooks.ts";
import { around, breakObserver } from "./stage.ts";

/** Lets promises that are settled call whoever waits for them. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

interface PendingLoad {
  readonly signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

function play(options: CacheOptions = {}) {
  const surroundings = around();
  const cache = new Cache(surroundings);
  const pending: PendingLoad[] = [];
  const load = (signal: AbortSignal) =>
    new Promise((resolve, reject) => void pending.push({ signal, resolve, reject }));
  const get = (key = "a") => cache.get(key, load, options);
  /** Loads it, so that it is known. */
  const know = async (value: unknown, key = "a") => {
    const waits = get(key);
    pending.at(-1)!.resolve(value);
    assert.equal(await waits, value);
  };
  const at = (key: string, value: unknown) => cache.get(key, () => value, options);
  return { ...surroundings, surroundings, cache, pending, get, know, at };
}

const outcome = (waits: unknown) =>
  Promise.resolve(waits).then(
    (value) => value,
    (error) => error,
  );

describe("a cache", () => {
  it("loads once for all who ask at the same time, and answers itself what is fresh", async () => {
    const { cache, pending, get, surroundings } = play({ ttl: 500 });
    const waits = [get(), get(), get()];
    assert.equal(pending.length, 1);
    pending[0]!.resolve("one");
    assert.deepEqual(await Promise.all(waits), ["one", "one", "one"]);
    surroundings.advance(450);
    assert.equal(get(), "one");
    surroundings.advance(50);
    assert.ok(get() instanceof Promise);
    assert.equal(pending.length, 2);
    const { hits, stale, loads, failures } = cache.counts;
    assert.deepEqual([hits, stale, loads, failures], [1, 0, 2, 0]);
  });

  it("keeps what was answered at once, too", () => {
    const { cache, at } = play();
    assert.equal(at("a", 1), 1);
    assert.equal(at("a", 2), 1);
    assert.equal(cache.counts.loads, 1);
    assert.equal(play({ ttl: 0 }).at("a", 3), 3);
  });

  it("answers what is stale at once and loads once beside, then waits", async () => {
    const { cache, pending, get, know, surroundings } = play({ ttl: 200, staleWhileRevalidate: 300 });
    await know("old");
    surroundings.advance(200);
    assert.deepEqual([get(), get()], ["old", "old"]);
    assert.equal(pending.length, 2);
    pending[1]!.resolve("new");
    await turn();
    assert.equal(get(), "new");
    surroundings.advance(500);
    const waits = get();
    assert.ok(waits instanceof Promise);
    pending[2]!.resolve("newest");
    assert.equal(await waits, "newest");
    assert.equal(cache.counts.stale, 2);
  });

  it("answers the last value when loading fails or takes too long, at once when that was a moment ago", async () => {
    const { cache, pending, get, know, surroundings } = play({ ttl: 100, staleIfError: "1h", timeout: 300 });
    await know("old");
    surroundings.advance(100);
    const first = get();
    pending[1]!.reject(new Error("down"));
    assert.equal(await first, "old");
    assert.equal(get(), "old");
    assert.equal(pending.length, 2, "not tried for a moment");
    surroundings.advance(100);
    assert.equal(get(), "old", "tried beside");
    assert.equal(pending.length, 3);
    assert.equal(get(), "old");
    surroundings.advance(400);
    assert.equal(pending[2]!.signal.aborted, true);
    assert.equal(cache.counts.hung, 1);
    pending[2]!.resolve("too late");
    await turn();
    assert.deepEqual([get(), cache.counts.hung, cache.counts.failures], ["old", 0, 2]);
    // Long after the failure it is not known to be down: whoever asks waits for what is new.
    surroundings.advance(5_000);
    const waits = get();
    assert.ok(waits instanceof Promise);
    pending.at(-1)!.resolve("new");
    assert.equal(await waits, "new");
  });

  it("lets whoever waits for a load that hangs have the last value at its timeout", async () => {
    const { get, know, surroundings } = play({ ttl: 100, staleIfError: "1h", timeout: 300 });
    await know("old");
    surroundings.advance(100);
    const waits = get();
    surroundings.advance(400);
    assert.equal(await waits, "old");
  });

  it("answers errors to all who wait and for a moment after, but not beyond staleIfError", async () => {
    const { pending, get, know, surroundings } = play({ ttl: 100, staleIfError: 200 });
    const error = new Error("down");
    const waits = [get(), get()];
    pending[0]!.reject(error);
    assert.deepEqual(await Promise.all(waits.map(outcome)), [error, error]);
    assert.throws(() => get(), error);
    surroundings.advance(100);
    await know("back");
    surroundings.advance(300);
    const late = get();
    pending.at(-1)!.reject(error);
    assert.equal(await outcome(late), error);
    assert.equal(surroundings.notices.length, 1, "told of once in a while");
    assert.deepEqual(surroundings.notices[0], { kind: "cache-failing", failures: 1, error });
  });

  it("tells whoever waits that loading has failed, also when whoever is told of that beside it throws", async () => {
    const { get, pending, surroundings } = play();
    const defect = breakObserver(surroundings);
    const error = new Error("down");
    const waits = outcome(get());
    pending[0]!.reject(error);
    assert.equal(await Promise.race([waits, turn().then(() => "nothing")]), error);
    assert.deepEqual(surroundings.defects, [defect]);
  });

  it("tries seldom what goes on failing", async () => {
    const { cache, surroundings } = play();
    const failing = () => {
      throw new Error("down");
    };
    for (let i = 0; i < 200; i++) {
      assert.throws(() => cache.get("a", failing, {}), /down/);
      surroundings.advance(50);
    }
    const { loads } = cache.counts;
    assert.ok(loads >= 10 && loads <= 14, `${loads} loads in 10 s`);
  });

  it("keeps for negativeTtl that there is none", async () => {
    const { cache, get, know, surroundings } = play({ ttl: "1h", negativeTtl: 100 });
    await know(null);
    assert.equal(get(), null);
    assert.deepEqual([cache.counts.values, cache.counts.empty], [0, 1]);
    surroundings.advance(100);
    await know("there");
    surroundings.advance(100);
    assert.equal(get(), "there");
    assert.deepEqual([cache.counts.values, cache.counts.empty], [1, 0]);
  });

  it("loads no more when too many loads hang", () => {
    const { cache, pending, get, surroundings } = play({ timeout: 100 });
    for (let i = 0; i < CACHE_LOADS_HUNG_MAX; i++) void get(`k${i}`);
    surroundings.advance(200);
    assert.equal(cache.counts.hung, CACHE_LOADS_HUNG_MAX);
    assert.throws(() => get("another"), /given up and have not ended/);
    assert.equal(pending.length, CACHE_LOADS_HUNG_MAX);
  });

  it("is bounded: who is of no use goes first, then who was used least recently", () => {
    const { cache, at, surroundings } = play({ ttl: "1h" });
    at("useful", 1);
    cache.get("short", () => 1, { ttl: 50 });
    for (let i = 2; i < CACHE_VALUES_MAX; i++) at(`k${i}`, 1);
    assert.deepEqual([cache.counts.values, cache.counts.evictions], [CACHE_VALUES_MAX, 0]);
    surroundings.advance(100);
    at("more", 1);
    assert.equal(at("useful", 2), 1);
    at("yet more", 1);
    assert.deepEqual([cache.counts.values, cache.counts.evictions], [CACHE_VALUES_MAX, 2]);
    assert.equal(at("k2", 2), 2, "used least recently, for useful was used just now");
    assert.equal(at("useful", 2), 1);
  });

  it("lets names that do not exist push out nobody who does", () => {
    const { cache, at } = play({ ttl: "1h" });
    at("site", "here");
    for (let i = 0; i < CACHE_EMPTY_MAX + 5; i++) at(`none${i}`, null);
    assert.deepEqual([cache.counts.empty, cache.counts.values, cache.counts.evictions], [CACHE_EMPTY_MAX, 1, 5]);
    assert.equal(at("site", "there"), "here");
  });

  it("keeps no key that is too long", () => {
    const { cache, at } = play();
    const long = "k".repeat(CACHE_KEY_LENGTH_MAX);
    assert.deepEqual([at(long, 1), at(long, 2)], [1, 1]);
    assert.deepEqual([at(`${long}k`, 1), at(`${long}k`, 2)], [1, 2]);
    assert.equal(cache.counts.values, 1);
  });

  it("does not take a load from before it was pushed out for the newer one", async () => {
    const { pending, get, at } = play({ ttl: "1h", timeout: "1h" });
    const first = get("a");
    for (let i = 0; i < CACHE_EMPTY_MAX; i++) at(`none${i}`, null);
    at("a", "newer");
    pending[0]!.resolve("older");
    assert.equal(await first, "older");
    assert.equal(at("a", "x"), "newer");
  });

  it("says what is wrong about how it is called", () => {
    const { cache } = play();
    assert.throws(() => cache.get(5 as never, () => 1, {}), /key is a number; give a text/);
    assert.throws(() => cache.get("a", 5 as never, {}), /load is a number; give a function/);
    assert.throws(() => cache.get("a", () => 1, { ttl: "x" }), /ttl "x": not a duration/);
  });
});
