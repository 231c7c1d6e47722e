import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { WeightedDraw } from "../../../core/balance/weighted-draw.ts";
import { choiceOf, isNear, type Server, servers, tallyOf, toolsOf } from "./servers.ts";

const DRAWS = 40_000;

function checkShares(list: readonly Server[], available: readonly Server[] = list): void {
  const lot = new WeightedDraw(toolsOf(5).random);
  const choice = choiceOf(list, available);
  const tally = tallyOf(list, DRAWS, () => lot.draw(choice));
  const total = available.reduce((sum, { weight }) => sum + weight, 0);
  list.forEach(({ name, weight }, i) => {
    const share = available.includes(list[i]!) ? weight / total : 0;
    assert.ok(isNear(tally[i]!, DRAWS, share), `${name}: ${tally[i]} of ${DRAWS}, expected ${DRAWS * share}`);
  });
}

describe("drawing by lot", () => {
  it("takes each by its weight", () => {
    for (const weights of [
      [1, 1],
      [1, 1, 1, 1, 1],
      [3, 1],
      [3, 1, 2],
      [1000, 1, 1],
      [1, 2, 3, 4, 5, 6, 7],
      [256, 1, 16],
    ])
      checkShares(servers(weights));
    checkShares(servers(Array.from({ length: 100 }, (_, i) => 1 + (i % 7))));
  });

  it("keeps the proportions of those that are left, however few", () => {
    const list = servers([5, 3, 1, 1, 2, 7, 1, 1, 1, 40]);
    checkShares(list, list.slice(0, 5));
    checkShares(list, list.slice(0, 2));
    const many = servers(Array.from({ length: 500 }, (_, i) => 1 + (i % 3)));
    checkShares(many, many.slice(100, 103));
  });

  it("takes less of one whose weight doesn't count in full", () => {
    const list = servers([2, 2, 4]);
    list[0]!.weight = 0.2;
    list[2]!.weight = 1;
    checkShares(list);
    // All of them: what counts is still their proportion.
    for (const server of list) server.weight = server.fullWeight / 100;
    checkShares(list);
  });

  it("has nobody of nobody, and the one of one without asking for chance", () => {
    const lot = new WeightedDraw(() => assert.fail("asked for chance"));
    const list = servers([1, 2]);
    assert.equal(lot.draw(choiceOf([])), null);
    assert.equal(lot.draw(choiceOf(list, [])), null);
    assert.equal(lot.draw(choiceOf(list, [list[1]!]))?.name, "b");
  });

  it("makes its table anew for another list", () => {
    const lot = new WeightedDraw(toolsOf(1).random);
    const [few, many] = [servers([1, 1]), servers([1, 1, 50])];
    lot.draw(choiceOf(few));
    const tally = tallyOf(many, 520, () => lot.draw(choiceOf(many)));
    assert.ok(tally[2]! > 400, String(tally));
  });

  it("never falls off either end, whatever chance says", () => {
    for (const extreme of [0, 1 - Number.EPSILON / 2]) {
      const lot = new WeightedDraw(() => extreme);
      const list = servers([1, 3, 2]);
      assert.notEqual(lot.draw(choiceOf(list)), undefined);
      list.forEach((server) => void (server.weight = server.fullWeight / 2));
      assert.notEqual(lot.draw(choiceOf(list)), undefined);
    }
  });
});

function pairsOf(seed: number, list: readonly Server[], count: number): [Server, Server][] {
  const lot = new WeightedDraw(toolsOf(seed).random);
  const choice = choiceOf(list);
  return Array.from({ length: count }, () => {
    const first = lot.draw(choice)!;
    return [first, lot.drawOther(choice, first)];
  });
}

describe("drawing another one", () => {
  it("makes each pair as often as any other", () => {
    const seen = new Map<string, number>();
    for (const [{ name }, other] of pairsOf(1, servers([1, 1, 1, 1]), 12_000))
      seen.set(name + other.name, (seen.get(name + other.name) ?? 0) + 1);
    assert.equal(seen.size, 12);
    for (const [pair, count] of seen) assert.ok(isNear(count, 12_000, 1 / 12), `${pair}: ${count}`);
  });

  it("finds everybody beside a giant", () => {
    const pairs = pairsOf(4, servers([1_000, 1, 1, 1]), 2_000);
    assert.ok(pairs.every(([first, other]) => first !== other));
    assert.equal(new Set(pairs.map(([, other]) => other.name)).size, 4);
  });

  it("needs no chance for one of two, and has that one again when it is alone", () => {
    const lot = new WeightedDraw(() => assert.fail("asked for chance"));
    const [a, b, c] = servers([1, 1, 1]);
    const choice = choiceOf([a!, b!, c!], [a!, c!]);
    assert.equal(lot.drawOther(choice, a!), c);
    assert.equal(lot.drawOther(choice, c!), a);
    assert.equal(lot.drawOther(choiceOf([a!, b!], [b!]), b!), b);
  });
});
