import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf } from "./fleet.ts";

/** Names whose addresses change, and a DNS that fails. */

let fleet: Fleet;
afterEach(() => fleet.close());

const NAME = "app.internal";
const A = "127.0.0.1";
const B = "127.0.0.2";
const TTL_SECONDS = 5;

const named = (prepare: (fleet: Pick<Fleet, "sim">) => void): Promise<Fleet> =>
  fleetOf({ addresses: [`${A}:9001`, `${B}:9001`], list: [`${NAME}:9001`], prepare });

describe("a name that moves to another address", () => {
  it("A14 takes new requests along within its TTL and a second, and drops none", async () => {
    fleet = await named(({ sim }) => sim.zone.addresses(NAME, [A], TTL_SECONDS));
    fleet.pass(100);
    fleet.server(1).plan = { delayMs: 700 };
    fleet.load({ everyMs: 20, forMs: 20_000 });
    fleet.load({ everyMs: 500, forMs: 20_000, method: "POST" });
    fleet.pass(3_000);
    fleet.sim.zone.addresses(NAME, [B], TTL_SECONDS);
    const movedMs = fleet.sim.clock.now();
    fleet.pass((TTL_SECONDS + 1) * 1_000);
    const [old, young] = [fleet.server(1), fleet.server(2)];
    const before = old.arrivals.length;
    const lastMs = old.arrivals.at(-1)?.atMs ?? 0;
    assert.ok(lastMs - movedMs <= (TTL_SECONDS + 1) * 1_000);
    assert.ok(young.arrivals.length > 0);
    fleet.pass(1_000);
    assert.equal(old.openLinks, 0, "kept connections to the old address are closed");
    fleet.pass(15_000);
    assert.equal(old.arrivals.length, before);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
    assert.deepEqual(fleet.duplicates(), []);
  });
});

describe("a DNS that fails for ten minutes", () => {
  const TEN_MINUTES_MS = 600_000;

  for (const code of ["server-failure", "timeout", "not-found"] as const) {
    it(`A15 costs nothing where it worked before: ${code}`, async () => {
      fleet = await named(({ sim }) => sim.zone.addresses(NAME, [A], TTL_SECONDS));
      fleet.pass(100);
      fleet.load({ everyMs: 1_000, forMs: TEN_MINUTES_MS });
      fleet.pass(2_000);
      fleet.sim.zone.fail(NAME, code);
      fleet.pass(TEN_MINUTES_MS);
      assert.deepEqual(fleet.tally(), { ok: 600 });
    });

    it(`A15 keeps nobody from starting, and is over when it is over: ${code}`, async () => {
      fleet = await named(({ sim }) => {
        sim.zone.addresses(NAME, [A], TTL_SECONDS);
        sim.zone.fail(NAME, code);
      });
      fleet.pass(10_000);
      const asked = fleet.ask();
      fleet.pass(6_000);
      assert.equal(asked.ending, "503");
      fleet.pass(TEN_MINUTES_MS);
      fleet.sim.zone.restore(NAME);
      fleet.pass(61_000);
      assert.equal(fleet.ask().ending, "ok");
    });
  }

  it("A15 costs nothing where it says that there are none any more", async () => {
    fleet = await named(({ sim }) => sim.zone.addresses(NAME, [A], TTL_SECONDS));
    fleet.pass(100);
    assert.equal(fleet.ask().ending, "ok");
    fleet.sim.zone.addresses(NAME, [], TTL_SECONDS);
    fleet.pass(TEN_MINUTES_MS);
    assert.equal(fleet.ask().ending, "ok");
  });
});
