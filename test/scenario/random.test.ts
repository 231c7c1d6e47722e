import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { playRandom } from "./random.ts";

const SEEDS = 300;
/** Short enough for the deadline that some runners set for one test. */
const PER_TEST = 10;

describe("random schedules", () => {
  const met = new Set<string>();
  const play = async (seed: number): Promise<void> => {
    for (const { fault } of (await playRandom(seed)).exchanges) met.add(fault);
  };

  for (let from = 1; from <= SEEDS; from += PER_TEST) {
    it(`keep the invariant: seeds ${from} to ${from + PER_TEST - 1}`, async () => {
      for (let seed = from; seed < from + PER_TEST; seed++) await play(seed);
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
    const ends = ["", "client.reset", "upstream.closed", "upstream.reset", "upstream.truncated"];
    for (const end of [...ends, "upstream.first-byte-timeout", "upstream.queue-full", "client.body-too-large"]) {
      assert.ok(met.has(end), `no story ended with ${JSON.stringify(end)}: ${[...met].join(" ")}`);
    }
  });
});
