import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createHash, type HashMethod } from "../../../core/balance/hash.ts";
import { KeyShare } from "../../../core/balance/key-share.ts";
import { choiceOf, isNear, type Server, servers, tallyOf, toolsOf } from "./servers.ts";

const KEYS = Array.from({ length: 3_000 }, (_, i) => `k${i}`);

describe("a share of the keys", () => {
  const places = (method: HashMethod, list: readonly Server[], boundedLoad: number | null = null): string[] => {
    const balancer = createHash({ method, boundedLoad }, toolsOf(1));
    return KEYS.map((key) => balancer.choose(choiceOf(list), key)?.name ?? "-");
  };

  it("is all of them at full weight, and of those that may not be chosen none", () => {
    const list = servers([1, 3]);
    const isThere = (each: Server): boolean[] =>
      KEYS.map((key) => new KeyShare(choiceOf(list, [list[1]!]), key).isAvailable(each));
    assert.deepEqual(new Set(isThere(list[0]!)), new Set([false]));
    assert.deepEqual(new Set(isThere(list[1]!)), new Set([true]));
  });

  it("is the part of the weight that counts, and grows by keys that stay", () => {
    const list = servers([4, 4]);
    let before = new Set<string>();
    for (const weight of [0.4, 1, 2, 3, 4]) {
      list[0]!.weight = weight;
      const now = new Set(KEYS.filter((key) => new KeyShare(choiceOf(list), key).isAvailable(list[0]!)));
      assert.ok(isNear(now.size, KEYS.length, weight / 4), `${now.size} of ${KEYS.length} by ${weight}`);
      for (const key of before) assert.ok(now.has(key), key);
      before = now;
    }
  });

  for (const method of ["rendezvous", "ring", "maglev"] as const) {
    it(`moves no key of another server: ${method}`, () => {
      const list = servers([1, 1, 1, 1]);
      const full = places(method, list);
      list[0]!.weight = 0.1;
      const light = places(method, list);
      const kept = full.filter((name, i) => name === "a" && light[i] === "a").length;
      assert.ok(isNear(kept, full.filter((name) => name === "a").length, 0.1), `${kept} kept`);
      full.forEach((name, i) => void (name !== "a" && assert.equal(light[i], name)));
    });
  }

  it("spreads what several leave out over all", () => {
    const list = servers([1, 1, 1, 1]);
    for (const each of list.slice(0, 3)) each.weight = 0.5;
    const names = places("rendezvous", list);
    const tally = tallyOf(list, KEYS.length, (i) => list.find(({ name }) => name === names[i])!);
    // By weight the last would have two of five.
    assert.ok(tally[3]! < KEYS.length * 0.5, tally.join());
  });

  it("leaves no key without a server when all are light", () => {
    const list = servers([1, 1]);
    for (const each of list) each.weight = 0.1;
    for (const bound of [null, 1.25]) {
      const names = places("ring", list, bound);
      assert.ok(!names.includes("-"));
      // Most keys are left out by both: they are where they would be at full weight.
      const full = places("ring", servers([1, 1]), bound);
      assert.ok(names.filter((name, i) => name === full[i]).length > KEYS.length * 0.8);
    }
  });
});
