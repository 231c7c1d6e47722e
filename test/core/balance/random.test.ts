import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createRandom } from "../../../core/balance/random.ts";
import { choiceOf, isNear, servers, take, tallyOf, toolsOf } from "./servers.ts";

describe("random", () => {
  it("takes each by its weight, and the same ones with the same seed", () => {
    const list = servers([1, 2, 5]);
    const balancer = createRandom(toolsOf(3));
    const tally = tallyOf(list, 8_000, () => balancer.choose(choiceOf(list), ""));
    for (const [i, { weight }] of list.entries()) assert.ok(isNear(tally[i]!, 8_000, weight / 8), String(tally));
    assert.equal(take(createRandom(toolsOf(9)), list, 20), take(createRandom(toolsOf(9)), list, 20));
    assert.notEqual(take(createRandom(toolsOf(9)), list, 20), take(createRandom(toolsOf(10)), list, 20));
  });

  it("looks neither at what is under way nor at how long answers take", () => {
    const list = servers([1, 1], [1_000, 0]);
    const balancer = createRandom(toolsOf(3));
    assert.equal(balancer.wantsLatency, false);
    const tally = tallyOf(list, 2_000, () => balancer.choose(choiceOf(list), ""));
    assert.ok(isNear(tally[0]!, 2_000, 0.5), String(tally));
  });

  it("has nobody to choose from an empty list", () => {
    assert.equal(createRandom(toolsOf(1)).choose(choiceOf([]), ""), null);
  });
});
