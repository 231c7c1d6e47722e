import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { createLeastBusy } from "../../../core/balance/least-busy.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { choiceOf, servers, take } from "./servers.ts";

describe("least-busy", () => {
  function check(weights: readonly number[], inFlight: readonly number[], expected: string): void {
    const names = take(createLeastBusy(), servers(weights, inFlight), expected.length, true);
    assert.equal(names, expected, `weights ${weights}, under way ${inFlight}`);
  }

  it("takes the one with fewest requests under way", () => {
    check([1, 1, 1], [3, 1, 2], "b");
    check([1, 1], [2, 0], "bb");
    check([1, 1], [0, 9], "aaaaaaaaa");
  });

  it("measures them by weight", () => {
    check([10, 1], [0, 0], "a");
    check([10, 1], [8, 0], "a");
    check([10, 1], [10, 0], "b");
    check([2, 1], [0, 0], "abaaba");
  });

  it("goes round among equals, so that an idle group is used evenly", () => {
    assert.equal(take(createLeastBusy(), servers([1, 1, 1]), 7), "abcabca");
    assert.equal(take(createLeastBusy(), servers([2, 2]), 4), "abab");
    // Idle, the heavier one is the less busy: half of its next request.
    assert.equal(take(createLeastBusy(), servers([2, 1]), 4), "aaaa");
  });

  it("has nobody to choose from an empty list, and changes nothing by choosing", () => {
    assert.equal(createLeastBusy().choose(choiceOf([]), ""), null);
    const list = servers([1, 1]);
    const balancer = createLeastBusy();
    for (let i = 0; i < 5; i++) assert.equal(balancer.choose(choiceOf(list), "")?.name, "a");
    assert.deepEqual(list, servers([1, 1]));
  });

  it("never takes a server that has more to do for its weight than another", () => {
    const server = fc.record({
      weight: fc.integer({ min: 1, max: 256 }),
      inFlight: fc.integer({ min: 0, max: 5_000 }),
    });
    alwaysHolds(
      fc.property(fc.array(server, { minLength: 1, maxLength: 12 }), (each) => {
        const list = servers(
          each.map(({ weight }) => weight),
          each.map(({ inFlight }) => inFlight),
        );
        const chosen = createLeastBusy().choose(choiceOf(list), "")!;
        const load = ({ inFlight, weight }: { inFlight: number; weight: number }): number => (inFlight + 1) / weight;
        for (const other of list) assert.ok(load(chosen) <= load(other) * (1 + 1e-12));
      }),
    );
  });
});
