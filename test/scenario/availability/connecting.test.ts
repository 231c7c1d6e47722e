import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Asked, type Fleet, fleetOf, mostPerSecond, percentile } from "./fleet.ts";

/** Servers that can't be connected to: refused, or no answer at all. */

let fleet: Fleet;
afterEach(() => fleet.close());

const tookMs = (asked: readonly Asked[]): number[] => asked.map((one) => one.tookMs);

/** The deadline of a connect, at most two ticks later, and the pause before a second try. */
const LATEST_MS = 3_000 + 100 + 250;

/** Latency of a request while all is well. */
const USUAL_MS = 2;

describe("one of three servers refuses connections", () => {
  for (const balance of ["two-choices", "round-robin"]) {
    it(`A01 costs no request of any method anything, and is asked once a second: ${balance}`, async () => {
      fleet = await fleetOf({ upstream: { balance } });
      fleet.sim.clock.appoint(2_000, () => fleet.server(1).refuse());
      // Until then an answer may be on its way, and POST is not sent twice.
      fleet.load({ everyMs: 10, forMs: 1_900, methods: ["GET", "POST"] });
      fleet.load({ everyMs: 10, forMs: 18_000, startMs: 2_000, methods: ["GET", "POST", "PUT"] });
      const startMs = fleet.sim.clock.now();
      fleet.pass(21_000);
      assert.deepEqual(fleet.tally(), { ok: 1_990 });
      assert.ok(percentile(tookMs(fleet.asked), 0.99) < USUAL_MS + 50);
      assert.ok(mostPerSecond(fleet.server(1).connectsMs, startMs + 3_000) <= 2, "one probe a second, give or take");
      assert.deepEqual(fleet.duplicates(), []);
      const before = fleet.server(1).arrivals.length;
      fleet.server(1).restore();
      fleet.pass(2_500);
      fleet.load({ everyMs: 10, forMs: 15_000 });
      fleet.pass(16_000);
      assert.ok(fleet.server(1).arrivals.length > before + 100, "and has its share again when it is back");
    });
  }
});

describe("one of three servers never answers a connect", () => {
  it("A02 delays the first by the deadline of connecting, and nobody after it is marked", async () => {
    fleet = await fleetOf({ upstream: { balance: "round-robin" } });
    fleet.load({ everyMs: 50, forMs: 14_000, methods: ["GET", "POST"] });
    fleet.pass(2_000);
    fleet.server(1).blackhole();
    const startMs = fleet.sim.clock.now();
    fleet.pass(16_000);
    assert.deepEqual(fleet.tally(), { ok: 280 });
    assert.ok(Math.max(...tookMs(fleet.asked)) <= LATEST_MS);
    assert.ok(fleet.notices.some((notice) => notice.kind === "server-state" && notice.to === "ejected"));
    const later = fleet.askedWithin(startMs + 3_900, startMs + 12_000);
    assert.ok(later.length > 150);
    assert.ok(Math.max(...tookMs(later)) < 10, `${Math.max(...tookMs(later))} ms`);
  });

  it("A02 delays one request in three seconds by default, for it never has fewer of them than the others", async () => {
    fleet = await fleetOf();
    fleet.server(1).blackhole();
    fleet.load({ everyMs: 25, forMs: 12_000, methods: ["GET", "POST"] });
    fleet.pass(16_000);
    assert.deepEqual(fleet.tally(), { ok: 480 });
    const late = tookMs(fleet.asked).filter((ms) => ms >= 10);
    assert.ok(late.length <= 5, `${late.length} requests`);
    assert.ok(Math.max(...late) <= LATEST_MS);
  });
});

describe("a name with a dead IPv6 address and a living IPv4 one", () => {
  for (const how of ["refuses", "hangs"] as const) {
    it(`A38 loses no request: ${how}`, async () => {
      fleet = await fleetOf({
        addresses: ["127.0.0.1:9001"],
        list: ["app.internal:9001"],
        prepare: ({ sim }) => {
          sim.zone.addresses("app.internal", ["2001:db8::1", "127.0.0.1"]);
          if (how === "hangs") sim.hang("[2001:db8::1]:9001");
        },
      });
      fleet.pass(100);
      fleet.load({ everyMs: 100, forMs: 10_000, methods: ["GET", "POST"] });
      fleet.pass(14_000);
      assert.deepEqual(fleet.tally(), { ok: 100 });
      assert.ok(tookMs(fleet.asked).filter((ms) => ms > 250).length <= 5, "and then it is marked");
    });
  }
});
