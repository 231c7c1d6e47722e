import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf, percentile } from "./fleet.ts";
import { CHECK_PATH, type ServerPlan } from "./fleet-server.ts";

/** Servers that come and go, lie, or are slow about their health. */

let fleet: Fleet;
afterEach(() => fleet.close());

const CHECKED = { health: { check: { path: CHECK_PATH } } };

describe("a server that flaps, a second up and a second down", () => {
  for (const [name, upstream] of [
    ["watched by its traffic", {}],
    ["checked as well", CHECKED],
  ] as const) {
    it(`A10 changes its state four times a minute at most, and costs next to nothing: ${name}`, async () => {
      // By the seed checks and trials meet it now up, now down.
      for (let seed = 1; seed <= 6; seed++) {
        fleet = await fleetOf({ upstream, seed });
        const minutes = 2;
        for (let atMs = 1_000; atMs < minutes * 60_000; atMs += 2_000) {
          fleet.sim.clock.appoint(atMs, () => fleet.server(1).refuse());
          fleet.sim.clock.appoint(atMs + 1_000, () => fleet.server(1).restore());
        }
        fleet.load({ everyMs: 40, forMs: minutes * 60_000, methods: ["GET", "GET", "POST"] });
        fleet.pass(minutes * 60_000 + 1_000);
        const { ok = 0, ...errors } = fleet.tally();
        const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
        assert.ok(ok > 2_900 && failed <= fleet.asked.length * 0.001, `seed ${seed}: ${JSON.stringify(errors)}`);
        const changes = fleet.stateChanges(fleet.server(1));
        assert.ok(changes <= 4 * minutes, `seed ${seed}: ${changes} changes`);
        if (seed < 6) await fleet.close();
      }
    });
  }
});

describe("a server whose checks pass while its traffic fails", () => {
  for (const [name, plan] of [
    ["503", { status: 503 }],
    ["resets", { act: "reset" }],
  ] as const) {
    it(`A11 gets less than one request in a hundred after ten seconds: ${name}`, async () => {
      fleet = await fleetOf({ servers: 4, plan: { check: 200 }, upstream: CHECKED });
      fleet.load({ everyMs: 20, forMs: 42_000 });
      fleet.pass(2_000);
      fleet.server(1).plan = { ...plan, check: 200 };
      fleet.pass(10_000);
      const countOf = (): number => fleet.server(1).arrivals.length;
      const before = countOf();
      fleet.pass(32_000);
      assert.ok(countOf() - before < 15, `${countOf() - before} of 1500 requests`);
      assert.deepEqual(fleet.tally(), { ok: 2_100 });
    });
  }

  it("A11 is not put out where more than half would be", async () => {
    fleet = await fleetOf({ servers: 4, plan: { status: 503, check: 200 }, upstream: CHECKED });
    fleet.load({ everyMs: 20, forMs: 20_000 });
    let most = 0;
    for (let passed = 0; passed < 20_000; passed += 100) {
      fleet.pass(100);
      most = Math.max(most, fleet.states().filter((state) => state === "ejected").length);
    }
    fleet.pass(2_000);
    assert.equal(most, 2);
    assert.deepEqual(fleet.tally(), { 503: 1_000 }, "what the servers said is passed on");
  });
});

describe("checks that fail while traffic is fine", () => {
  const ill: ServerPlan = { check: 503 };

  for (const [failing, name] of [
    [3, "all three"],
    [2, "two of three"],
  ] as const) {
    it(`A12 are overridden below half: ${name}`, async () => {
      fleet = await fleetOf({ upstream: CHECKED });
      fleet.load({ everyMs: 20, forMs: 40_000 });
      fleet.pass(5_000);
      for (let number = 1; number <= failing; number++) fleet.server(number).plan = ill;
      fleet.pass(20_000);
      assert.ok(fleet.notices.some((notice) => notice.kind === "panic" && notice.isPanic));
      const before = fleet.servers.map(({ arrivals }) => arrivals.length);
      fleet.pass(17_000);
      assert.deepEqual(fleet.tally(), { ok: 2_000 });
      for (const [i, { arrivals }] of fleet.servers.entries()) {
        assert.ok(arrivals.length - (before[i] ?? 0) > 100, "every server is used");
      }
    });
  }

  it("A12 are believed where the others can do its work", async () => {
    fleet = await fleetOf({ upstream: CHECKED });
    fleet.load({ everyMs: 20, forMs: 40_000 });
    fleet.pass(5_000);
    fleet.server(1).plan = ill;
    fleet.pass(16_000);
    const before = fleet.server(1).arrivals.length;
    fleet.pass(20_000);
    assert.deepEqual(fleet.tally(), { ok: 2_000 });
    assert.equal(fleet.server(1).arrivals.length, before);
  });
});

describe("checks of a thousand servers that never answer", () => {
  it("A13 hold up no traffic, and are 64 at once at most", async () => {
    const far = Array.from({ length: 1_000 }, (_, i) => `127.1.${Math.floor(i / 250)}.${1 + (i % 250)}:9000`);
    const connecting = new Set<string>();
    let most = 0;
    fleet = await fleetOf({
      config: {
        upstreams: {
          app: { servers: ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"] },
          far: { servers: far, ...CHECKED },
        },
      },
      prepare: ({ sim }) => {
        for (const address of far) sim.hang(address);
      },
      onConnect: (address, isOver) => {
        if (!far.includes(address)) return;
        if (isOver) connecting.delete(address);
        else connecting.add(address);
        most = Math.max(most, connecting.size);
      },
    });
    fleet.load({ everyMs: 20, forMs: 10_000 });
    fleet.pass(11_000);
    assert.deepEqual(fleet.tally(), { ok: 500 });
    assert.ok(
      percentile(
        fleet.asked.map(({ tookMs }) => tookMs),
        0.99,
      ) < 3,
    );
    assert.ok(most > 32 && most <= 64, `${most} checks at once`);
  });
});
