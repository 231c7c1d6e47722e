import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf, LISTEN } from "./fleet.ts";

/** Stopping under load: whoever got a byte in before the listener closed is answered. */

let fleet: Fleet;
afterEach(() => fleet.close());

const SLOWEST_MS = 900;

describe("a stop under load", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`A18 loses nothing that was accepted, and ends with the slowest answer: seed ${seed}`, async () => {
      // Every server has its third, so that slow answers are under way when the stop comes.
      fleet = await fleetOf({ seed, latencyMs: [0.05, 2], upstream: { balance: "round-robin" } });
      for (const [i, server] of fleet.servers.entries()) server.plan = { delayMs: [3, 40, SLOWEST_MS][i] ?? 0 };
      fleet.load({ everyMs: 1, forMs: 1_200 });
      let stoppedMs = 0;
      let overMs = 0;
      fleet.sim.clock.appoint(1_000, () => {
        stoppedMs = fleet.sim.clock.now();
        fleet.proxy.drain().then(() => {
          overMs = fleet.sim.clock.now();
        });
      });
      for (let passed = 0; passed < 4_000; passed += 10) {
        fleet.sim.advance(10);
        await fleet.sim.settle();
      }
      // What reaches a connection later may cross its end on the way.
      const before = fleet.asked.filter(({ atMs }) => atMs < stoppedMs - 3);
      assert.ok(before.length > 990);
      assert.deepEqual(fleet.tally(before), { ok: before.length });
      const later = fleet.tally(fleet.asked.filter(({ atMs }) => atMs >= stoppedMs - 3));
      for (const ending of Object.keys(later)) assert.ok(["ok", "refused", "cut"].includes(ending), ending);
      assert.ok((later["refused"] ?? 0) > 100, "new connections are refused");
      assert.ok(overMs - stoppedMs <= SLOWEST_MS + 1_000, `over after ${overMs - stoppedMs} ms`);
      assert.ok(overMs > stoppedMs);
      const said = before.filter(({ atMs, tookMs }) => atMs + tookMs > stoppedMs + 5);
      assert.ok(said.length > 50);
      for (const { fields } of said) assert.ok(fields.some(([, value]) => value === "close"));
    });
  }

  it("A18 is seen by nobody who tries again on a new process", async () => {
    fleet = await fleetOf();
    const kept = fleet.clients.connect();
    assert.equal(fleet.ask({ on: kept }).ending, "ok");
    let isOver = false;
    fleet.proxy.drain().then(() => {
      isOver = true;
    });
    const crossing = fleet.ask({ on: kept });
    await fleet.sim.settle();
    fleet.pass(100);
    await fleet.sim.settle();
    // No byte of an answer: it may be asked again elsewhere, as for any idle connection that ends.
    assert.ok(["ok", "cut"].includes(crossing.ending), crossing.ending);
    assert.equal(fleet.sim.connect(LISTEN).connectError, null);
    assert.ok(isOver);
  });

  it("A18 gives what is under way 30 seconds", async () => {
    fleet = await fleetOf({ plan: { act: "hang" } });
    const asked = fleet.ask({ method: "POST" });
    let isOver = false;
    fleet.proxy.drain().then(() => {
      isOver = true;
    });
    fleet.pass(29_900);
    await fleet.sim.settle();
    assert.equal(asked.ending, "waiting");
    assert.ok(!isOver);
    fleet.pass(250);
    await fleet.sim.settle();
    assert.ok(isOver);
    assert.ok(["cut", "503"].includes(asked.ending), "and then ends it for everybody to see");
  });

  it("A19 is over within a second when it is asked for twice", async () => {
    fleet = await fleetOf({ plan: { act: "hang" } });
    for (let i = 0; i < 20; i++) fleet.ask();
    let over = 0;
    const done = (): void => void over++;
    fleet.proxy.drain().then(done);
    fleet.pass(5_000);
    await fleet.sim.settle();
    assert.equal(over, 0);
    fleet.proxy.stop().then(done);
    fleet.pass(1_000);
    await fleet.sim.settle();
    assert.equal(over, 2);
    assert.equal(fleet.proxy.connectionCount, 0);
    fleet.sim.assertQuiet();
  });
});
