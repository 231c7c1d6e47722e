import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { CacheEntry, type CacheEntryOwner } from "../../../core/script/cache-entry.ts";
import { CacheOrder } from "../../../core/script/cache-order.ts";

const NOBODY = {} as CacheEntryOwner;

function keys(order: CacheOrder): string {
  let text = "";
  for (let entry = order.oldest; entry !== null; entry = entry.newer) text += entry.key;
  return text;
}

describe("the order in which entries of the cache were used", () => {
  it("has the one used least recently first", () => {
    const order = new CacheOrder();
    const [a, b, c] = ["a", "b", "c"].map((key) => new CacheEntry(key, NOBODY)) as [CacheEntry, CacheEntry, CacheEntry];
    for (const entry of [a, b, c]) order.add(entry);
    assert.deepEqual([keys(order), order.size, order.get("b")], ["abc", 3, b]);
    order.touch(a);
    assert.equal(keys(order), "bca");
    order.touch(a);
    order.touch(c);
    assert.equal(keys(order), "bac");
    for (const [entry, left] of [[a, "bc"] as const, [c, "b"] as const, [b, ""] as const]) {
      order.remove(entry);
      assert.deepEqual([keys(order), order.get(entry.key)], [left, undefined]);
    }
    order.add(b);
    assert.deepEqual([keys(order), order.size, order.oldest], ["b", 1, b]);
  });

  it("finds the first as fast when many before it have gone", () => {
    const order = new CacheOrder();
    for (let i = 0; i < 100_000; i++) order.add(new CacheEntry(`${i}`, NOBODY));
    const begunMs = performance.now();
    for (let i = 100_000; i < 200_000; i++) {
      order.remove(order.oldest!);
      order.add(new CacheEntry(`${i}`, NOBODY));
    }
    // Passing the holes of a Map took 5 s and more.
    assert.ok(performance.now() - begunMs < 3_000);
    assert.deepEqual([order.oldest?.key, order.size], ["100000", 100_000]);
  });
});
