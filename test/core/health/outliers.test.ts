import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { DEFAULT_OUTLIERS } from "../../../core/health/definition.ts";
import { findOutliers, type Sample } from "../../../core/health/outliers.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

const of = (successes: number, failures: number): Sample => ({ successes, failures });
const good = (count: number): Sample[] => Array.from({ length: count }, () => of(100, 0));
const rates = (samples: readonly Sample[], rules = DEFAULT_OUTLIERS): number[] =>
  findOutliers(samples, rules).map(({ rate }) => rate);

describe("outliers", () => {
  it("succeed less often than the mean less so many deviations", () => {
    assert.deepEqual(rates([...good(9), of(90, 10)]), [0.9]);
    assert.deepEqual(rates([...good(9), of(99, 1)]), [0.99]);
    assert.deepEqual(rates(good(10)), []);
  });

  it("come worst first", () => {
    assert.deepEqual(rates([...good(20), of(60, 40), of(50, 50)]), [0.5, 0.6]);
  });

  it("need so many servers: 4, 5, 6", () => {
    for (const [servers, expected] of [
      [4, []],
      [5, [0]],
      [6, [0]],
    ] as const)
      assert.deepEqual(rates([...good(servers - 1), of(0, 100)]), expected, `${servers}`);
  });

  it("need so many requests each: 99, 100, 101", () => {
    for (const [requests, expected] of [
      [99, []],
      [100, [0]],
      [101, [0]],
    ] as const)
      assert.deepEqual(rates([...good(9), of(0, requests)]), expected, `${requests}`);
  });

  it("are nobody when all fail alike", () => {
    assert.deepEqual(rates(Array.from({ length: 10 }, () => of(10, 90))), []);
  });

  it("are never all, and never those above the mean", () => {
    const samples = fc.array(fc.record({ successes: fc.nat(1_000), failures: fc.nat(1_000) }), { maxLength: 30 });
    alwaysHolds(
      fc.property(samples, fc.double({ min: 0, max: 3, noNaN: true }), (servers, deviations) => {
        const found = findOutliers(servers, { requestsMin: 1, serversMin: 1, deviations });
        const judged = servers.filter(({ successes, failures }) => successes + failures >= 1);
        assert.ok(found.length === 0 || found.length < judged.length);
        for (const { rate, threshold } of found) assert.ok(rate < threshold);
      }),
    );
  });
});
