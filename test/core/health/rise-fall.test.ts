import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { RiseFall } from "../../../core/health/rise-fall.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

/** `+` passes, `-` fails; answers the last state, `!` behind it when it is sure. */
function after(rise: number, fall: number, results: string): string {
  const counter = new RiseFall(rise, fall);
  for (const result of results) result === "+" ? counter.pass() : counter.fail();
  return `${counter.isUp ? "up" : "down"}${counter.isSure ? "!" : ""}`;
}

describe("rise and fall", () => {
  for (const [results, expected] of [
    ["", "up"], // not checked yet
    ["-", "down!"], // but the first failure is enough
    ["+", "up!"],
    ["+--", "up"],
    ["+---", "down!"],
    ["+----", "down!"],
    ["+--+--", "up"],
    ["+--+---", "down!"],
    ["-+", "down"],
    ["-++", "up!"],
    ["-+++", "up!"],
    ["-+-+", "down"],
    ["-+-++", "up!"],
  ] as const) {
    it(`of 2 and 3 after "${results}": ${expected}`, () => assert.equal(after(2, 3, results), expected));
  }

  it("of 1 and 1 follows each result, and is always sure", () => {
    assert.equal(after(1, 1, ""), "up!");
    assert.equal(after(1, 1, "-"), "down!");
    assert.equal(after(1, 1, "-+"), "up!");
  });

  it("changes after exactly rise passes or fall failures in a row, whatever came before", () => {
    const counts = fc.integer({ min: 1, max: 10 });
    alwaysHolds(
      fc.property(counts, counts, fc.array(fc.boolean(), { maxLength: 60 }), (rise, fall, results) => {
        const counter = new RiseFall(rise, fall);
        let row = 0;
        let last: boolean | null = null;
        let isUp = true;
        let isFirst = true;
        for (const result of results) {
          row = result === last ? row + 1 : 1;
          last = result;
          if (result && row >= rise) isUp = true;
          if (!result && (row >= fall || isFirst)) isUp = false;
          isFirst = false;
          result ? counter.pass() : counter.fail();
          assert.equal(counter.isUp, isUp);
        }
      }),
    );
  });
});
