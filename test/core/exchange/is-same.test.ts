import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { isSame } from "../../../core/exchange/is-same.ts";

describe("two pieces of a configuration", () => {
  it("are the same when they say the same", () => {
    for (const [left, right] of [
      [1, 1],
      ["a", "a"],
      [null, null],
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
      [Number.NaN, Number.NaN],
      [[], []],
      [{}, {}],
      [
        { a: 1, b: [{ c: null }] },
        { b: [{ c: null }], a: 1 },
      ],
    ]) {
      assert.ok(isSame(left, right), JSON.stringify([left, right]));
    }
  });

  it("differ in a value, a key, an order, or a kind", () => {
    for (const [left, right] of [
      [1, 2],
      [1, "1"],
      [null, {}],
      [undefined, null],
      [Number.POSITIVE_INFINITY, null],
      [[1], [1, 2]],
      [
        [1, 2],
        [2, 1],
      ],
      [[], {}],
      [{ a: undefined }, { b: undefined }],
      [{ a: 1 }, { a: 1, b: 2 }],
      [{ a: { b: { c: 1 } } }, { a: { b: { c: 2 } } }],
      [{ toString: 1 }, { a: 1 }],
    ]) {
      assert.ok(!isSame(left, right), JSON.stringify([left, right]));
      assert.ok(!isSame(right, left), JSON.stringify([right, left]));
    }
  });
});
