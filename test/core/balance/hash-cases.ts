import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import type { Candidate } from "../../../core/balance/balancer.ts";
import type { HashTable } from "../../../core/balance/hash-table.ts";
import { choiceOf, isNear, type Server, servers, tallyOf } from "./servers.ts";

export interface HashTraits {
  /** How far from its share a server may be, in parts of it, beside chance. */
  readonly unevenness: number;
  /** How many times the keys that have to move may move when the list changes. */
  readonly disruption: number;
}

const KEYS = 6_000;
const keyAt = (i: number): string => `user-${i}`;

/** What holds for every way to hash consistently. */
export function checkHashing(create: (members: readonly Candidate[]) => HashTable, traits: HashTraits): void {
  const placesOf = (list: readonly Server[], available: readonly Server[] = list): (Server | null)[] => {
    const table = create(list);
    const choice = choiceOf(list, available);
    return Array.from({ length: KEYS }, (_, i) => table.find(choice, keyAt(i)));
  };

  it("gives each server its share of the keys, by weight", () => {
    for (const weights of [[1, 1, 1], [1, 2, 5], new Array(20).fill(3), [100, 1, 50]]) {
      const list = servers(weights);
      const places = placesOf(list);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const tally = tallyOf(list, KEYS, (i) => places[i]!);
      for (const [i, count] of tally.entries()) {
        const share = weights[i]! / total;
        const slack = KEYS * share * traits.unevenness;
        const isFair =
          isNear(count - slack, KEYS, share) ||
          isNear(count + slack, KEYS, share) ||
          Math.abs(count - KEYS * share) <= slack;
        assert.ok(isFair, `${weights}: server ${i} has ${count} of ${KEYS}, expected ${KEYS * share}`);
      }
    }
  });

  it("sends a key to the same server, whatever the order of the list", () => {
    const list = servers([1, 2, 1, 3, 1]);
    const before = placesOf(list);
    assert.deepEqual(placesOf(list), before);
    assert.deepEqual(placesOf([...list].reverse()), before);
  });

  it("moves only the keys of a server that may not be chosen, and has them back afterwards", () => {
    const list = servers([1, 2, 1, 1]);
    const before = placesOf(list);
    const without = list.filter(({ name }) => name !== "b");
    const during = placesOf(list, without);
    const heirs = new Set<string>();
    for (const [i, place] of during.entries()) {
      if (before[i]!.name === "b") heirs.add(place!.name);
      else assert.equal(place, before[i]);
    }
    assert.deepEqual([...heirs].sort(), ["a", "c", "d"], "all others share what was its");
  });

  it("moves hardly more keys than have to when a server leaves or joins", () => {
    const all = servers([1, 1, 2, 1, 1, 1, 1, 1, 1, 1]);
    const left = all.slice(0, -1);
    const [before, after] = [placesOf(all), placesOf(left)];
    const mustMove = before.filter((place) => !left.includes(place!)).length;
    const moved = before.filter((place, i) => place !== after[i]).length;
    assert.ok(mustMove > 0 && moved <= mustMove * traits.disruption, `${moved} moved, ${mustMove} had to`);
  });

  it("finds the one that is left, and nobody when nobody is", () => {
    const list = servers([1, 1, 1, 1, 1]);
    for (const last of list) assert.ok(placesOf(list, [last]).every((place) => place === last));
    assert.equal(create(list).find(choiceOf(list, []), "x"), null);
  });
}
