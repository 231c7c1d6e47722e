import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { MemoryLevel } from "../../../core/listen/memory-level.ts";

function stepAfter(...loads: number[]): number {
  const level = new MemoryLevel();
  for (const load of loads) level.look(load);
  return level.step;
}

describe("the level of memory", () => {
  for (const [load, step] of [
    [0.849, 0],
    [0.85, 1],
    [0.919, 1],
    [0.92, 2],
    [0.959, 2],
    [0.96, 3],
    [1.5, 3],
  ] as const) {
    it(`${load} is step ${step}`, () => {
      assert.equal(stepAfter(load, load, load), step);
    });
  }

  it("is not moved by garbage that the next look no longer finds", () => {
    assert.equal(stepAfter(0.99, 0.99), 0, "too early to tell");
    assert.equal(stepAfter(0.99, 0.3, 0.99, 0.99), 0);
    assert.equal(stepAfter(0.3, 0.99, 0.93, 0.99), 2);
  });

  it("says when the step changes, and falls at once", () => {
    const level = new MemoryLevel();
    assert.deepEqual(
      [0.9, 0.9, 0.9, 0.9, 0.5].map((load) => level.look(load)),
      [false, false, true, false, true],
    );
    assert.equal(level.load, 0.5);
  });
});
