import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createRoundRobin } from "../../../core/balance/round-robin.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { ServerDefinition } from "../../../core/upstream/definition.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { areOf, drawTier, tiersOf as makeTiers, PartOfTier, shareOut, type Tier } from "../../../core/upstream/tier.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { POOL, serverOf } from "./definitions.ts";

const tiersOf = (endpoints: readonly Endpoint[]): Tier[] => makeTiers(endpoints, createRoundRobin);

let ports = 1;
function endpoints(count: number, own: Partial<ServerDefinition> = {}): Endpoint[] {
  const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
  return Array.from({ length: count }, () => new Endpoint(serverOf(`127.0.0.1:${ports++}`, own), POOL, surroundings));
}

/** Of each tier so many are well; what each gets of all requests. */
function sharesOf(tiers: readonly Tier[], well: readonly number[]): number[] {
  for (const [i, tier] of tiers.entries()) tier.setAvailable(tier.members.slice(0, well[i]));
  shareOut(tiers);
  const counts = tiers.map(() => 0);
  for (let i = 0; i < 1_000; i++) counts[tiers.indexOf(drawTier(tiers, () => (i + 0.5) / 1_000)!)]!++;
  return counts.map((count) => count / 10);
}

describe("tiers", () => {
  it("are made by priority, in the order of the list, backups last", () => {
    const [a, b, c] = [endpoints(2), endpoints(1, { priority: 5 }), endpoints(2, { isBackup: true, priority: 1 })];
    const tiers = tiersOf([c[0]!, b[0]!, a[0]!, a[1]!, c[1]!]);
    assert.deepEqual(
      tiers.map(({ members }) => members),
      [a, b, c],
    );
    assert.deepEqual(
      tiers.map(({ isBackup }) => isBackup),
      [false, false, true],
    );
    assert.deepEqual(tiersOf([]), []);
    assert.equal(
      drawTier([], () => 0),
      null,
    );
  });

  it("get all requests while they are well enough, then what they can carry, and the next ones the rest", () => {
    const tiers = tiersOf([...endpoints(10), ...endpoints(10, { priority: 1 }), ...endpoints(10, { priority: 2 })]);
    const check = (well: number[], expected: number[]): void => assert.deepEqual(sharesOf(tiers, well), expected);
    check([10, 10, 10], [100, 0, 0]);
    check([8, 10, 10], [100, 0, 0]);
    check([7, 10, 10], [98, 2, 0]);
    check([5, 10, 10], [70, 30, 0]);
    check([0, 10, 10], [0, 100, 0]);
    check([5, 2, 10], [70, 28, 2]);
    check([0, 0, 1], [0, 0, 100]);
    // Too little in all: in proportion.
    check([2, 2, 0], [50, 50, 0]);
    check([3, 1, 0], [75, 25, 0]);
  });

  it("count servers by weight", () => {
    const tiers = tiersOf([...endpoints(1, { weight: 9 }), ...endpoints(1), ...endpoints(1, { priority: 1 })]);
    assert.deepEqual(sharesOf(tiers, [1, 1]), [100, 0]);
    const last = tiers[0]!.members[1]!;
    tiers[0]!.setAvailable([last]);
    shareOut(tiers);
    assert.ok(Math.abs(tiers[0]!.upTo - 0.14) < 1e-9);
  });

  it("leave backups alone while anybody else may be chosen", () => {
    const tiers = tiersOf([...endpoints(10), ...endpoints(10, { priority: 1 }), ...endpoints(1, { isBackup: true })]);
    assert.deepEqual(sharesOf(tiers, [1, 0, 1]), [100, 0, 0]);
    assert.deepEqual(sharesOf(tiers, [0, 1, 1]), [0, 100, 0]);
    assert.deepEqual(sharesOf(tiers, [0, 0, 1]), [0, 0, 100]);
    assert.deepEqual(sharesOf(tiers, [0, 0, 0]), [0, 0, 100]);
  });

  it("are kept while the same servers stand in the same places with the same weights", () => {
    const list = [...endpoints(3), ...endpoints(2, { priority: 1, weight: 2 })];
    const tiers = tiersOf(list);
    assert.ok(areOf(tiers, list) && areOf([], []));
    for (const other of [
      [],
      list.slice(1),
      list.slice(0, -1),
      [...list, ...endpoints(1)],
      [list[1]!, list[0]!, ...list.slice(2)],
    ])
      assert.ok(!areOf(tiers, other));
    list[0]!.priority = 1;
    assert.ok(!areOf(tiers, list));
    list[0]!.priority = 0;
    // The sum stays the same.
    [list[3]!.fullWeight, list[4]!.fullWeight] = [1, 3];
    assert.ok(!areOf(tiers, list));
  });

  it("ask for chance only when a part goes elsewhere", () => {
    const tiers = tiersOf([...endpoints(2), ...endpoints(1, { priority: 1 })]);
    for (const tier of tiers) tier.setAvailable(tier.members);
    shareOut(tiers);
    assert.equal(
      drawTier(tiers, () => assert.fail("asked for chance")),
      tiers[0],
    );
  });

  it("keep to what is hashed: the same one for a key, each its share of all keys", () => {
    const tiers = tiersOf([...endpoints(2), ...endpoints(1, { priority: 1 })]);
    tiers[0]!.setAvailable(tiers[0]!.members.slice(1));
    tiers[1]!.setAvailable(tiers[1]!.members);
    shareOut(tiers);
    const drawn = (key: string) => drawTier(tiers, () => assert.fail("asked for chance"), key);
    const first = Array.from({ length: 1_000 }, (_, i) => drawn(`user-${i}`));
    assert.deepEqual(
      first,
      Array.from(first, (_, i) => drawn(`user-${i}`)),
    );
    const share = first.filter((tier) => tier === tiers[0]).length / 1_000;
    assert.ok(share > 0.65 && share < 0.75, `half of it well carries 70 %: ${share}`);
  });

  it("know who may be chosen, and whether somebody may be full", () => {
    const list = endpoints(3);
    const tier = tiersOf(list)[0]!;
    assert.equal(tier.available, tier.members);
    tier.setAvailable([list[1]!]);
    assert.deepEqual(
      list.map((endpoint) => tier.isAvailable(endpoint)),
      [false, true, false],
    );
    tier.setAvailable([...list]);
    assert.equal(tier.available, tier.members, "the same list, so that nobody has to look twice");
    assert.ok(tier.isAvailable(list[0]!));
    const bounded = tiersOf(endpoints(1, { connectionsMax: 5 }))[0]!;
    bounded.setAvailable(bounded.members);
    assert.deepEqual([tier.hasFull, bounded.hasFull, tier.isStale], [false, true, false]);
    list[0]!.fullWeight = 2;
    assert.ok(tier.isStale);
    list[0]!.fullWeight = 1;
    const part = new PartOfTier(tier, [list[2]!]);
    assert.deepEqual(
      [part.members, part.isAvailable(list[2]!), part.isAvailable(list[0]!)],
      [tier.members, true, false],
    );
  });
});
