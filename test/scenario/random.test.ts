import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { playMany, playRandom } from "./random.ts";

/** Enough to meet everything once; `random-many.test.ts` plays the rest. */
const SEEDS = 400;
/** Short enough for the deadline that some runners set for one test. */
const PER_TEST = 20;

describe("random schedules", () => {
  const met = new Set<string>();

  for (let from = 1; from <= SEEDS; from += PER_TEST) {
    it(`keep the invariant: seeds ${from} to ${from + PER_TEST - 1}`, async () => {
      for (const fault of (await playMany(from, PER_TEST)).keys()) met.add(fault);
    });
  }

  for (const seed of [3, 14, 159]) {
    it(`are the same for the same seed, and others for another: ${seed}`, async () => {
      const [one, again, other] = [await playRandom(seed), await playRandom(seed), await playRandom(seed + 1_000)];
      assert.equal(again.fingerprint, one.fingerprint);
      assert.deepEqual(again.exchanges, one.exchanges);
      assert.notEqual(other.fingerprint, one.fingerprint);
    });
  }

  it("have met every kind of end", () => {
    const ends = ["", "client.reset", "client.closed", "client.body-too-large", "client.body-timeout"];
    ends.push("upstream.closed", "upstream.reset", "upstream.truncated", "upstream.first-byte-timeout");
    ends.push("upstream.connect-refused", "upstream.connect-timeout", "upstream.queue-full");
    for (const end of ends) {
      assert.ok(met.has(end), `no story ended with ${JSON.stringify(end)}: ${[...met].join(" ")}`);
    }
  });
});
