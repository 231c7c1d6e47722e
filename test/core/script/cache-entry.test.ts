import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { CacheEntry, type CacheEntryOwner } from "../../../core/script/cache-entry.ts";
import { cacheTimes } from "../../../core/script/cache-times.ts";
import { Timers } from "../../../core/time/timers.ts";
import { turns } from "./streams.ts";

function play() {
  const timers = new Timers(0);
  const owner = {
    timers,
    nowMs: 0,
    hung: 0,
    onLoaded: () => {},
    onFailed: () => {},
    onStale: () => {},
  } satisfies CacheEntryOwner;
  return { owner, entry: new CacheEntry("a", owner) };
}

const times = cacheTimes({ ttl: 100, staleWhileRevalidate: 100, staleIfError: 300 });

describe("an entry of the cache", () => {
  it("is of use for as long as anything may be answered from it", () => {
    const { entry } = play();
    assert.deepEqual([entry.isUselessAt(0), entry.hasValue], [true, false]);
    entry.load(() => "x", times);
    assert.deepEqual([entry.freshUntilMs, entry.isServedStaleAt(199), entry.isServedStaleAt(200)], [100, true, false]);
    assert.deepEqual([entry.isGoodEnoughAt(399), entry.isGoodEnoughAt(400)], [true, false]);
    assert.deepEqual([entry.isUselessAt(399), entry.isUselessAt(400)], [false, true]);
  });

  it("waits longer after each failure, and not at all after a success", () => {
    const { owner, entry } = play();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      entry.load(failing, times);
      let pause = 0;
      while (!entry.mayLoadAt(owner.nowMs + pause)) pause += 50;
      pauses.push(pause);
      owner.nowMs += pause;
    }
    assert.deepEqual(pauses, [100, 200, 400, 800, 1_000, 1_000]);
    entry.load(() => 1, times);
    assert.equal(entry.mayLoadAt(owner.nowMs), true);
  });

  it("gives everybody who waits one promise", async () => {
    const { entry } = play();
    entry.load(async () => "x", times);
    assert.equal(entry.isLoading, true);
    assert.equal(entry.wait(), entry.wait());
    assert.equal(await entry.wait(), "x");
    assert.equal(entry.isLoading, false);
  });

  it("hears a load once, whatever calls itself a promise", async () => {
    const { owner, entry } = play();
    const results: unknown[] = [];
    const then = "then";
    const twice = (answer: (value: unknown) => void, fail: (error: unknown) => void): void => {
      for (const each of [answer, fail, answer]) each("x");
    };
    entry.load(() => Object.defineProperty(Promise.resolve("x"), then, { value: twice }), times);
    entry.wait().then((value) => results.push(value));
    await turns();
    owner.timers.advance(400);
    owner.timers.advance(800);
    owner.timers.advance(1_200);
    assert.deepEqual([results, owner.hung, entry.isLoading], [["x"], 0, false]);
  });
});

function failing(): never {
  throw new Error("down");
}
