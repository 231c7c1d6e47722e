import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { hashText, mixBits } from "../../../core/balance/hash-text.ts";

describe("a hash for placing", () => {
  it("is the same everywhere and for ever: these numbers must not change, or every key moves", () => {
    assert.deepEqual(
      [hashText("", 1), hashText("a", 1), hashText("a", 2), hashText("127.0.0.1\u00009001", 1), mixBits(1)],
      [1364076727, 3572896569, 3138615078, 1001715520, 1364076727],
    );
  });

  it("spreads texts that are alike evenly over any number of places", () => {
    for (const places of [2, 3, 7, 100, 65_537]) {
      const counts = new Map<number, number>();
      const texts = 20_000;
      for (let i = 0; i < texts; i++) {
        const place = hashText(`user-${i}`, 2) % places;
        counts.set(place, (counts.get(place) ?? 0) + 1);
      }
      const expected = texts / places;
      const most = Math.max(...counts.values());
      assert.ok(
        most <= expected + 6 * Math.sqrt(expected) + 6,
        `${places} places: ${most} in one, ${expected} expected`,
      );
    }
  });

  it("differs by seed, by order and by length", () => {
    assert.notEqual(hashText("abc", 1), hashText("abc", 2));
    assert.notEqual(hashText("abc", 1), hashText("acb", 1));
    assert.notEqual(hashText("", 1), hashText("\0", 1));
    assert.notEqual(hashText("\0", 1), hashText("\0\0", 1));
  });

  it("has all its bits from all bits", () => {
    for (let bit = 0; bit < 32; bit++) {
      let changed = 0;
      for (let i = 0; i < 1_000; i++) {
        let difference = (mixBits(i * 7_919) ^ mixBits((i * 7_919) ^ (1 << bit))) >>> 0;
        for (; difference !== 0; difference &= difference - 1) changed++;
      }
      assert.ok(changed > 14_000 && changed < 18_000, `bit ${bit}: ${changed / 1_000} of 32 change`);
    }
  });
});
