import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ReplayBudget } from "../../../core/exchange/replay-budget.ts";

describe("the memory for copies of request bodies", () => {
  for (const [bytes, isGiven] of [
    [39, true],
    [40, true],
    [41, false],
  ] as const) {
    it(`${bytes} bytes where 40 are left: ${isGiven}`, () => {
      const budget = new ReplayBudget(100);
      assert.ok(budget.take(60));
      assert.equal(budget.take(bytes), isGiven);
      assert.equal(budget.usedBytes, isGiven ? 60 + bytes : 60, "a refusal takes nothing");
    });
  }

  it("can be taken again once it was given back", () => {
    const budget = new ReplayBudget(100);
    budget.take(100);
    budget.give(1);
    assert.ok(budget.take(1));
    assert.equal(budget.take(1), false);
  });
});
