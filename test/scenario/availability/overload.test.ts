import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Asked, type Fleet, fleetOf, mostPerSecond, percentile } from "./fleet.ts";

/** Too slow, too many, or nobody there at all. */

let fleet: Fleet;
afterEach(() => fleet.close());

const tookMs = (asked: readonly Asked[]): number[] => asked.map((one) => one.tookMs);

describe("one of three servers is slow", () => {
  const SLOW = { bodyBytes: 2_000, bytesPerSecond: 1_024 };

  for (const balance of ["two-choices", "least-busy", "peak-ewma", "least-time"]) {
    it(`A08 leaves requests to the others as fast as they were, and gets few itself: ${balance}`, async () => {
      fleet = await fleetOf({ plan: { bodyBytes: 2_000 }, upstream: { balance } });
      fleet.load({ everyMs: 20, forMs: 20_000 });
      fleet.pass(5_000);
      const usual = percentile(tookMs(fleet.asked), 0.99);
      fleet.server(1).plan = SLOW;
      fleet.pass(20_000);
      assert.deepEqual(fleet.tally(), { ok: 1_000 });
      const later = fleet.asked.slice(250);
      const fast = later.filter(({ server }) => server !== "s1");
      assert.ok(percentile(tookMs(fast), 0.99) < 1.2 * usual);
      assert.ok(later.length - fast.length < later.length / 5, `${later.length - fast.length} of ${later.length}`);
    });
  }

  it("A08 has its queue: after a second in it the answer is 503", async () => {
    fleet = await fleetOf({
      servers: 1,
      plan: SLOW,
      list: [{ address: "127.0.0.1:9001", maxConnections: 2 }],
      upstream: { pool: { queueTimeout: "1s" } },
    });
    fleet.load({ everyMs: 100, forMs: 5_000 });
    fleet.pass(10_000);
    const { ok = 0, 503: shed = 0 } = fleet.tally();
    assert.equal(ok + shed, 50);
    assert.ok(ok >= 4 && shed >= 30);
    const late = fleet.asked.filter(({ ending }) => ending === "503").map((one) => one.tookMs);
    assert.ok(Math.min(...late) >= 1_000 && Math.max(...late) <= 1_150);
  });
});

describe("all servers are down", () => {
  it("A09 is answered 503 at once, without a storm of connects, and over within two probes", async () => {
    fleet = await fleetOf();
    fleet.load({ everyMs: 5, forMs: 20_000, methods: ["GET", "POST"] });
    fleet.pass(2_000);
    for (const server of fleet.servers) server.refuse();
    const downMs = fleet.sim.clock.now();
    fleet.pass(2_000);
    const running = fleet.timersRunning;
    fleet.pass(6_000);
    assert.ok(fleet.timersRunning <= running + 20, "nothing piles up");
    for (const server of fleet.servers) {
      assert.ok(mostPerSecond(server.connectsMs, downMs + 1_000) <= 2, "one probe a second, give or take");
      server.restore();
    }
    const upMs = fleet.sim.clock.now();
    fleet.pass(15_000);
    const within = (fromMs: number, toMs: number): Asked[] =>
      fleet.asked.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const down = within(downMs + 1_000, upMs);
    assert.deepEqual(fleet.tally(down), { 503: down.length });
    assert.ok(Math.max(...tookMs(down)) < 10);
    for (const { fields } of down) assert.ok(fields.some(([name]) => name === "Retry-After"));
    const back = within(upMs + 2_100, Number.POSITIVE_INFINITY);
    assert.deepEqual(fleet.tally(back), { ok: back.length });
  });
});

describe("three times as much as there is room for", () => {
  for (const [name, options] of [
    ["shed by limits.inFlight", { config: { limits: { inFlight: 10 } } }],
    ["shed by the breaker", { upstream: { breaker: { inFlight: 10 } } }],
  ] as const) {
    it(`A31 gets what there is room for, and its excess 503 at once: ${name}`, async () => {
      fleet = await fleetOf({ servers: 2, plan: { delayMs: 98 }, ...options });
      // Ten at once, a tenth of a second each: a hundred a second.
      fleet.load({ everyMs: 1_000 / 300, forMs: 10_000 });
      fleet.pass(12_000);
      const { ok = 0, 503: shed = 0 } = fleet.tally();
      assert.equal(ok + shed, fleet.asked.length);
      assert.ok(ok >= 0.9 * 1_000, `${ok} of 1000 that there was room for`);
      const excess = fleet.asked.filter(({ ending }) => ending === "503");
      assert.ok(Math.max(...tookMs(excess)) < 20);
      for (const { fields } of excess) assert.ok(fields.some(([field]) => field === "Retry-After"));
      fleet.load({ everyMs: 20, forMs: 2_000 });
      fleet.pass(4_000);
      assert.deepEqual(fleet.tally(fleet.asked.slice(ok + shed)), { ok: 100 }, "all well right after");
    });
  }
});

describe("storms and herds", () => {
  it("A34 asks no more than a tenth again when all servers say 503", async () => {
    fleet = await fleetOf({ plan: { status: 503 }, upstream: { retries: { budget: { perSecond: 0 } } } });
    fleet.load({ everyMs: 5, forMs: 10_000 });
    fleet.pass(12_000);
    const arrived = fleet.servers.reduce((sum, { arrivals }) => sum + arrivals.length, 0);
    assert.equal(fleet.tally()["503"], 2_000);
    assert.ok(arrived <= 1.1 * 2_000 && arrived > 2_100, `${arrived} arrivals`);
  });

  it("A34 allows three a second beside them by default", async () => {
    fleet = await fleetOf({ plan: { status: 503 } });
    fleet.load({ everyMs: 10, forMs: 20_000 });
    fleet.pass(22_000);
    const arrived = fleet.servers.reduce((sum, { arrivals }) => sum + arrivals.length, 0);
    // What was saved for ten seconds may be spent once.
    assert.ok(arrived <= 1.1 * 2_000 + 3 * 30, `${arrived} arrivals`);
  });

  it("A34 spreads second tries over their pause", async () => {
    const retries = { budget: { share: "100%" }, backoff: { base: "250ms", max: "250ms" } };
    fleet = await fleetOf({ upstream: { health: { ejection: false }, retries } });
    fleet.server(1).plan = { status: 503 };
    for (let i = 0; i < 60; i++) fleet.clients.ask();
    fleet.pass(1_000);
    assert.deepEqual(fleet.tally(), { ok: 60 });
    const again = fleet.asked.filter((one) => one.tookMs > 30).map((one) => one.tookMs);
    assert.ok(again.length >= 10);
    assert.ok(percentile(again, 0.9) - percentile(again, 0.1) >= 100, "not all at once");
    assert.ok(Math.max(...again) < 250 + 110);
  });

  it("A34 gives a server that returns its share by and by", async () => {
    fleet = await fleetOf({ servers: 4, upstream: { slowStart: "10s", balance: "round-robin" } });
    fleet.load({ everyMs: 5, forMs: 40_000 });
    fleet.pass(2_000);
    fleet.server(1).refuse();
    fleet.pass(10_000);
    fleet.server(1).restore();
    const stateIs = (): string => fleet.states()[0] ?? "";
    for (let passed = 0; passed < 20_000 && stateIs() !== "up"; passed += 50) fleet.pass(50);
    assert.equal(stateIs(), "up");
    const countAfter = (ms: number): number => {
      const from = fleet.server(1).arrivals.length;
      fleet.pass(ms);
      return fleet.server(1).arrivals.length - from;
    };
    const first = countAfter(1_000);
    assert.ok(first <= 1.5 * 50, `${first} in the first second, where 50 would be its share`);
    assert.ok(first <= 25, "less than its share, even");
    fleet.pass(9_500);
    const full = countAfter(2_000);
    assert.ok(full >= 90 && full <= 110, `${full} in two seconds, later`);
    fleet.pass(30_000);
    assert.deepEqual(fleet.tally(), { ok: 8_000 });
  });
});

describe("descriptors", () => {
  it("Q02 connections that rest at one server are no reason why another can't be reached", async () => {
    const upstream = { balance: { hash: "header:X-User" } };
    fleet = await fleetOf({ servers: 10, plan: { delayMs: 20 }, upstream, descriptorsMax: 256 });
    const inUse = (): number => fleet.sim.openSockets().filter((line) => line.startsWith("socket")).length;
    let most = 0;
    for (let user = 0; user < 40; user++) {
      for (let i = 0; i < 60; i++) fleet.clients.ask({ fields: [`X-User: u${user}`] });
      for (let ms = 0; ms < 100; ms += 10) {
        fleet.pass(10);
        most = Math.max(most, inUse());
      }
    }
    assert.deepEqual(fleet.tally(), { ok: 40 * 60 });
    assert.equal(fleet.servers.filter(({ arrivals }) => arrivals.length > 0).length, 10);
    assert.ok(most <= 256 - 64, `${most} sockets`);
  });
});
