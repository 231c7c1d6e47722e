import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { playRandom } from "./random.ts";

const SEEDS = 300;
const PER_TEST = 50;

describe("random schedules", () => {
  for (let from = 1; from <= SEEDS; from += PER_TEST) {
    it(`keep the invariant: seeds ${from} to ${from + PER_TEST - 1}`, async () => {
      for (let seed = from; seed < from + PER_TEST; seed++) await playRandom(seed);
    });
  }

  it("are the same for the same seed, and others for another", async () => {
    for (const seed of [3, 14, 159]) {
      const [one, again, other] = [await playRandom(seed), await playRandom(seed), await playRandom(seed + 1_000)];
      assert.equal(again.fingerprint, one.fingerprint);
      assert.deepEqual(again.exchanges, one.exchanges);
      assert.notEqual(other.fingerprint, one.fingerprint);
    }
  });

  it("meet every kind of end", async () => {
    const faults = new Set<string>();
    for (let seed = 1; seed <= 60; seed++)
      for (const { fault } of (await playRandom(seed)).exchanges) faults.add(fault);
    for (const fault of [
      "",
      "client.reset",
      "upstream.closed",
      "upstream.reset",
      "upstream.truncated",
      "upstream.first-byte-timeout",
    ]) {
      assert.ok(faults.has(fault), `no story ended with ${JSON.stringify(fault)}: ${[...faults].join(" ")}`);
    }
  });
});
