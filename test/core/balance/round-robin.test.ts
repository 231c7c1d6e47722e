import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { createRoundRobin } from "../../../core/balance/round-robin.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { choiceOf, servers, take } from "./servers.ts";

describe("round-robin", () => {
  const check = (weights: readonly number[], expected: string): void =>
    assert.equal(take(createRoundRobin(), servers(weights), expected.length), expected, `weights ${weights}`);

  it("takes each in the order of the list", () => {
    check([1], "aaaa");
    check([1, 1], "ababab");
    check([1, 1, 1], "abcabcabc");
    check([7, 7, 7], "abcabcabc");
  });

  it("spreads the turns of a heavy server", () => {
    check([5, 1, 1], "aabacaaaabacaa");
    check([2, 1], "abaaba");
    check([1, 3], "babbbabb");
    check([4, 2, 1], "abacabaabacaba");
  });

  it("has nobody to choose from an empty list", () => {
    assert.equal(createRoundRobin().choose(choiceOf([]), ""), null);
    assert.equal(take(createRoundRobin(), [], 1), "-");
  });

  it("changes nothing by choosing", () => {
    const list = servers([5, 1, 1]);
    const balancer = createRoundRobin();
    for (let i = 0; i < 10; i++) assert.equal(balancer.choose(choiceOf(list), "")?.name, "a");
    assert.deepEqual(
      list.map(({ turn }) => turn),
      [0, 0, 0],
    );
    assert.equal(take(balancer, list, 7), "aabacaa");
  });

  it("goes on with those that stay when the list changes", () => {
    const list = servers([1, 1, 1]);
    const balancer = createRoundRobin();
    assert.equal(take(balancer, list, 2), "ab");
    const [a, , c] = list;
    // c has waited longest, and b took a part of the turns with it.
    assert.equal(take(balancer, [a!, c!], 6), "ccacac");
  });

  it("counts requests out of turn (sticky ones) against their server, up to a bound", () => {
    const list = servers([1, 1]);
    const balancer = createRoundRobin();
    for (let i = 0; i < 50; i++) balancer.commit(choiceOf(list), list[0]!);
    assert.deepEqual(
      list.map(({ turn }) => turn),
      [-1, 1],
    );
    assert.equal(take(balancer, list, 4), "baba");
  });

  it("forgets turns of larger weights within a round", () => {
    const list = servers([500, 500, 500]);
    const balancer = createRoundRobin();
    take(balancer, list, 2);
    for (const server of list) server.weight = 1;
    const names = take(balancer, list, 30);
    for (const name of "abc") assert.ok(names.split(name).length - 1 >= 8, names);
  });

  it("gives each its share exactly in every round, and its turns stay bounded", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
    alwaysHolds(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (each, rounds) => {
        const list = servers(each);
        const total = each.reduce((sum, weight) => sum + weight, 0);
        const names = take(createRoundRobin(), list, total * rounds);
        for (const { name, weight, turn } of list) {
          assert.equal(names.split(name).length - 1, weight * rounds);
          assert.equal(turn, 0);
        }
      }),
      100,
      // The turns of some grow larger than the sum of all weights.
      [
        [[17, 1, 17, 1, 1], 1],
        [[192, 3, 1, 1, 891, 3, 1, 865, 1, 3, 1], 1],
      ],
    );
  });
});
