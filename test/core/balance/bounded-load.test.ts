import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { BoundedLoad } from "../../../core/balance/bounded-load.ts";
import { createHash, type HashMethod } from "../../../core/balance/hash.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { choiceOf, servers, toolsOf } from "./servers.ts";

describe("a bounded load", () => {
  it("is the ceiling of the factor times the share of what is under way, this request included", () => {
    const check = (
      inFlight: readonly number[],
      factor: number,
      expected: readonly boolean[],
      weights = [1, 1, 1, 1],
    ) => {
      const list = servers(weights, inFlight);
      const bounded = new BoundedLoad(choiceOf(list), factor);
      assert.deepEqual(
        list.map((server) => bounded.isAvailable(server)),
        expected,
        `${inFlight} times ${factor}`,
      );
    };
    // ceil(1.25 × 8 / 4) = 3
    check([3, 2, 2, 0], 1.25, [false, true, true, true]);
    check([2, 2, 2, 1], 1.25, [true, true, true, true]);
    check([0, 0, 0, 0], 1.25, [true, true, true, true]);
    check([1, 0, 0, 0], 1.25, [false, true, true, true]);
    // ceil(2 × 8 × weight / 8)
    check([7, 0, 0, 0], 2, [true, true, true, true], [4, 2, 1, 1]);
    check([0, 4, 2, 1], 2, [true, false, false, true], [4, 2, 1, 1]);
  });

  it("goes by what counts of a weight now", () => {
    const list = servers([4, 4], [2, 6]);
    list[0]!.weight = 1;
    // ceil(1.25 × 9 × 1 / 5) = 3, ceil(1.25 × 9 × 4 / 5) = 9
    const room = () => list.map((server) => new BoundedLoad(choiceOf(list), 1.25).isAvailable(server));
    assert.deepEqual(room(), [true, true]);
    list[0]!.inFlight = 3;
    assert.deepEqual(room(), [false, true]);
  });

  it("doesn't make anybody available who isn't", () => {
    const list = servers([1, 1], [0, 0]);
    const bounded = new BoundedLoad(choiceOf(list, [list[0]!]), 2);
    assert.deepEqual([bounded.isAvailable(list[0]!), bounded.isAvailable(list[1]!)], [true, false]);
  });

  it("always leaves somebody, and nobody ever gets more than it", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 9 });
    const methods = fc.constantFrom<HashMethod>("rendezvous", "ring");
    const factors = fc.double({ min: 1.01, max: 3, noNaN: true });
    alwaysHolds(
      fc.property(weights, methods, factors, fc.integer(), (each, method, factor, seed) => {
        const list = servers(each);
        const { random } = toolsOf(seed);
        const balancer = createHash({ method, boundedLoad: factor }, toolsOf(seed));
        const sum = each.reduce((total, weight) => total + weight, 0);
        for (let i = 0; i < 60; i++) {
          // A few popular keys; some requests end.
          const chosen = balancer.choose(choiceOf(list), `k${Math.floor(random() * 3)}`)!;
          const total = list.reduce((busy, { inFlight }) => busy + inFlight, 0);
          chosen.inFlight++;
          const bound = Math.ceil((factor * (total + 1) * chosen.weight) / sum - 1e-9);
          assert.ok(chosen.inFlight <= bound, `${chosen.inFlight} under way, at most ${bound}`);
          const ending = list[Math.floor(random() * list.length)]!;
          if (random() < 0.3 && ending.inFlight > 0) ending.inFlight--;
        }
      }),
      60,
    );
  });
});
