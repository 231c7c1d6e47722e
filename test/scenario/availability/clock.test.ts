import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf } from "./fleet.ts";

/** Clocks that jump, and a process that does not run for a while. */

let fleet: Fleet;
afterEach(() => fleet.close());

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CHECKED = { health: { check: { path: "/healthz" } } };

describe("a wall clock that jumps", () => {
  for (const [name, jumpMs] of [
    ["an hour forth", HOUR_MS],
    ["an hour back", -HOUR_MS],
    ["thirty days forth", 30 * DAY_MS],
    ["thirty days back", -30 * DAY_MS],
  ] as const) {
    it(`A26 changes nothing but dates: ${name}`, async () => {
      fleet = await fleetOf({ upstream: CHECKED });
      fleet.server(3).plan = { delayMs: 8_000 };
      fleet.load({ everyMs: 20, forMs: 10_000 });
      fleet.pass(5_000);
      fleet.sim.jumpWallClock(jumpMs);
      fleet.pass(15_000);
      assert.deepEqual(fleet.tally(), { ok: 500 });
      const checks = fleet.server(1).checksMs.length;
      assert.ok(checks >= 3 && checks <= 6, `checks go on at their pace: ${checks}`);
    });
  }

  it("A26 that is slewed changes nothing", async () => {
    fleet = await fleetOf({ plan: { delayMs: 300 } });
    for (let i = 0; i < 100; i++) fleet.sim.clock.appoint(i * 100, () => fleet.sim.jumpWallClock(i % 2 ? 30 : -50));
    fleet.load({ everyMs: 20, forMs: 10_000 });
    fleet.pass(11_000);
    assert.deepEqual(fleet.tally(), { ok: 500 });
  });

  it("A26 shows in the Date of what comes next", async () => {
    fleet = await fleetOf({
      config: { routes: [{ respond: { status: 200, body: "x" } }] },
    });
    const dateOf = (): number => Date.parse(fleet.ask().fields.find(([name]) => name === "Date")?.[1] ?? "");
    const before = dateOf();
    fleet.sim.jumpWallClock(30 * DAY_MS);
    fleet.pass(2_000);
    assert.ok(Math.abs(dateOf() - before - 30 * DAY_MS - 2_000) <= 1_000);
  });
});

describe("a process that does not run for a while", () => {
  for (const [id, name, stallMs] of [
    ["A26", "suspended for ten minutes", 600_000],
    ["A40", "stopped for five seconds", 5_000],
  ] as const) {
    it(`${id} lets nothing expire that was alive, and is back at once: ${name}`, async () => {
      fleet = await fleetOf({
        upstream: CHECKED,
        config: { timeouts: { firstByte: "3s", requestHead: "3s", keepAliveIdle: "4s" } },
      });
      const idle = fleet.clients.connect();
      assert.equal(fleet.ask({ on: idle }).ending, "ok");
      fleet.server(2).plan = { delayMs: 1_000 };
      fleet.load({ everyMs: 20, forMs: 4_000 });
      fleet.pass(2_000);
      fleet.sim.clock.stall(stallMs);
      const resumedMs = fleet.sim.clock.now();
      fleet.pass(8_000);
      assert.deepEqual(fleet.tally(), { ok: fleet.asked.length }, "no spurious timeout");
      const later = fleet.asked.filter(({ atMs }) => atMs >= resumedMs);
      assert.ok(later.length > 90);
      assert.ok(Math.max(...later.map(({ tookMs }) => tookMs)) <= 2_000, "recovered within two seconds");
      for (const { isRetired } of fleet.endpoints) assert.ok(!isRetired);
    });
  }

  it("A40 keeps its deadlines afterwards", async () => {
    fleet = await fleetOf({ plan: { act: "hang" }, servers: 1, config: { timeouts: { firstByte: "3s" } } });
    const asked = fleet.ask({ method: "POST" });
    fleet.pass(1_000);
    fleet.sim.clock.stall(5_000);
    fleet.pass(1_000);
    assert.equal(asked.ending, "waiting");
    fleet.pass(1_500);
    assert.equal(asked.ending, "504");
  });
});
