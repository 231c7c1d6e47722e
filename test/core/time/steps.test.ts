import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { allAtOnce, goOnFor, type Steps } from "../../../core/time/steps.ts";

let nowMs = 0;
const now = (): number => nowMs;

/** Each step takes a millisecond. */
function* counting(count: number): Steps<string> {
  for (let i = 0; i < count; i++) {
    nowMs++;
    yield;
  }
  return "done";
}

describe("steps", () => {
  it("may be done at once", () => {
    assert.equal(allAtOnce(counting(5)), "done");
  });

  it("may be done for some time, and gone on with later", () => {
    const steps = counting(7);
    for (const afterMs of [3, 6]) {
      assert.equal(goOnFor(steps, 3, now).done, false);
      assert.equal(nowMs % 100, (5 + afterMs) % 100);
    }
    assert.deepEqual(goOnFor(steps, 3, now), { done: true, value: "done" });
    assert.equal(nowMs, 12);
  });

  it("come forward by one at least", () => {
    const steps = counting(1);
    assert.equal(goOnFor(steps, 0, now).done, false);
    assert.equal(goOnFor(steps, 0, now).done, true);
  });
});
