import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Balancer } from "../../../core/balance/balancer.ts";
import { createRandom } from "../../../core/balance/random.ts";
import { createTwoChoices } from "../../../core/balance/two-choices.ts";
import { choiceOf, isNear, servers, take, tallyOf, toolsOf } from "./servers.ts";

describe("two random choices", () => {
  it("of two servers are both: the one with less to do for its weight", () => {
    const check = (weights: readonly number[], inFlight: readonly number[], expected: string): void =>
      assert.equal(take(createTwoChoices(toolsOf(1)), servers(weights, inFlight), 1), expected);
    check([1, 1], [2, 1], "b");
    check([1, 1], [0, 1], "a");
    check([10, 1], [9, 1], "a");
    check([10, 1], [11, 1], "b");
  });

  it("use a group by weight that is idle, or equally busy", () => {
    for (const weights of [
      [3, 1],
      [5, 3, 2],
      [1, 1, 98],
    ]) {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const inFlight of [weights.map(() => 0), weights]) {
        const list = servers(weights, inFlight);
        const balancer = createTwoChoices(toolsOf(3));
        const tally = tallyOf(list, 8_000, () => balancer.choose(choiceOf(list), ""));
        for (const [i, weight] of weights.entries())
          assert.ok(isNear(tally[i]!, 8_000, weight / total), `${weights}, ${inFlight} under way: ${tally}`);
      }
    }
  });

  it("do not look at the second where the first is idle", () => {
    const list = servers([1, 1, 1]);
    const tools = toolsOf(1);
    let draws = 0;
    const random = (): number => {
      draws++;
      return tools.random();
    };
    const balancer = createTwoChoices({ ...tools, random });
    for (let i = 0; i < 20; i++) balancer.choose(choiceOf(list), "");
    assert.equal(draws, 20);
    for (const server of list) server.inFlight = 1;
    for (let i = 0; i < 20; i++) balancer.choose(choiceOf(list), "");
    assert.ok(draws >= 60);
  });

  it("have nobody of nobody", () => {
    assert.equal(createTwoChoices(toolsOf(1)).choose(choiceOf(servers([1]), []), ""), null);
  });

  it("leave the busiest far behind what luck alone would give it", () => {
    const fullest = (balancer: Balancer): number => {
      const list = servers(new Array(200).fill(1));
      take(balancer, list, 200 * 20, true);
      return Math.max(...list.map(({ inFlight }) => inFlight));
    };
    for (let seed = 1; seed <= 5; seed++) {
      const [chosen, drawn] = [fullest(createTwoChoices(toolsOf(seed))), fullest(createRandom(toolsOf(seed)))];
      assert.ok(chosen <= 20 + 4, `seed ${seed}: ${chosen} on the busiest, 20 on average`);
      assert.ok(drawn >= 20 + 9, `seed ${seed}: luck alone has ${drawn}`);
    }
  });

  it("keep servers busy by weight", () => {
    const list = servers([1, 2, 5, 2]);
    take(createTwoChoices(toolsOf(8)), list, 1_000, true);
    for (const { name, inFlight, weight } of list)
      assert.ok(Math.abs(inFlight - weight * 100) < 30, `${name}: ${inFlight} with weight ${weight}`);
  });

  it("are the same with the same seed, and change nothing", () => {
    const list = servers([1, 1, 1, 1]);
    const once = take(createTwoChoices(toolsOf(4)), list, 30);
    assert.equal(take(createTwoChoices(toolsOf(4)), list, 30), once);
    assert.deepEqual(list, servers([1, 1, 1, 1]));
  });
});
