import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { betterOfTwo } from "../../../core/balance/pair.ts";
import { WeightedDraw } from "../../../core/balance/weighted-draw.ts";
import { choiceOf, isNear, type Server, servers, tallyOf, toolsOf } from "./servers.ts";

function pairOf(seed: number, list: readonly Server[], available: readonly Server[] = list) {
  const { random } = toolsOf(seed);
  const lot = new WeightedDraw(random);
  const pairs: [Server, Server][] = [];
  const next = (wins = false): Server | null =>
    betterOfTwo(lot, random, choiceOf(list, available), (second, first) => {
      pairs.push([first, second]);
      return wins;
    });
  return { next, pairs };
}

describe("the better of two", () => {
  it("compares two different ones, each pair as often as any other", () => {
    const list = servers([1, 1, 1, 1]);
    const { next, pairs } = pairOf(1, list);
    for (let i = 0; i < 12_000; i++) next();
    const seen = new Map<string, number>();
    for (const [first, second] of pairs)
      seen.set(first.name + second.name, (seen.get(first.name + second.name) ?? 0) + 1);
    assert.equal(seen.size, 12);
    for (const [pair, count] of seen) assert.ok(isNear(count, 12_000, 1 / 12), `${pair}: ${count}`);
  });

  it("takes the second only when it is better", () => {
    const list = servers([1, 1, 1]);
    const { next, pairs } = pairOf(2, list);
    for (let i = 0; i < 50; i++) assert.equal(next(false), pairs.at(-1)![0]);
    for (let i = 0; i < 50; i++) assert.equal(next(true), pairs.at(-1)![1]);
  });

  it("uses an idle group by weight", () => {
    for (const weights of [
      [3, 1],
      [5, 3, 2],
      [1, 1, 98],
    ]) {
      const list = servers(weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const { next } = pairOf(3, list);
      const tally = tallyOf(list, 5_000, () => next());
      for (const [i, weight] of weights.entries())
        assert.ok(isNear(tally[i]!, 5_000, weight / total), `${weights}: ${tally}`);
    }
  });

  it("finds another one beside a giant", () => {
    const { next, pairs } = pairOf(4, servers([1_000, 1, 1, 1]));
    for (let i = 0; i < 2_000; i++) next();
    assert.ok(pairs.every(([first, second]) => first !== second));
    assert.equal(new Set(pairs.map(([, second]) => second.name)).size, 4);
  });

  it("compares nobody when there is one or none", () => {
    const list = servers([1, 1]);
    assert.equal(pairOf(1, list, []).next(), null);
    const one = pairOf(1, list, [list[1]!]);
    assert.equal(one.next(true), list[1]);
    assert.deepEqual(one.pairs, []);
  });
});
