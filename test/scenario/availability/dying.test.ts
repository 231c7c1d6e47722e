import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../../support/runtime-command.ts";
import { type Fleet, fleetOf } from "./fleet.ts";

/** Servers that break off: before an answer, in the middle of it, or just as a kept connection is used again. */

let fleet: Fleet;
afterEach(() => fleet.close());

describe("a kept connection that its server closes", () => {
  const RESTS_MS = 20;
  /** The same code does the same everywhere: twenty thousand trials on one runtime will do. */
  const isThorough = runtimeUnderTest() === "node24";

  /** Each client asks, rests for about as long as the server does, and asks again. */
  const sweep = (method: string, stepMs: number): void => {
    for (let offsetMs = -5; offsetMs <= 5; offsetMs += stepMs) {
      fleet.ask();
      fleet.pass(RESTS_MS + offsetMs - 1);
      fleet.ask({ method, body: method === "POST" ? "once" : "" });
      fleet.pass(40);
    }
  };

  it("A05 costs no idempotent request anything, however close to its end it is used", async () => {
    fleet = await fleetOf({ servers: 1, latencyMs: [0.2, 0.6], plan: { idleMs: RESTS_MS } });
    sweep("GET", isThorough ? 0.0005 : 0.01);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
    const again = fleet.reports.filter(({ attempts }) => attempts === 2).length;
    assert.ok(again > 10, `the sweep met the moment: ${again} second tries`);
  });

  it("A05 is no reason to send a POST twice", async () => {
    fleet = await fleetOf({ servers: 1, latencyMs: [0.2, 0.6], plan: { idleMs: RESTS_MS } });
    sweep("POST", 0.05);
    const tally = fleet.tally();
    assert.equal((tally["ok"] ?? 0) + (tally["502"] ?? 0), fleet.asked.length);
    assert.deepEqual(fleet.duplicates(), []);
  });

  it("A05 costs no POST anything where ours are closed first", async () => {
    const pool = { idleTimeout: "4s" };
    fleet = await fleetOf({ servers: 1, latencyMs: [0.2, 0.6], plan: { idleMs: 5_000 }, upstream: { pool } });
    for (let restMs = 3_900; restMs < 5_100; restMs += 7) {
      fleet.ask();
      fleet.pass(restMs);
      fleet.ask({ method: "POST", body: "once" });
      fleet.pass(5_200);
    }
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
    assert.deepEqual(fleet.duplicates(), []);
  });
});

describe("a server that hangs after the head", () => {
  it("A06 ends in 504 after 60 seconds, and its place is free again", async () => {
    fleet = await fleetOf({
      servers: 1,
      plan: { act: "hang" },
      list: [{ address: "127.0.0.1:9001", maxConnections: 1 }],
    });
    const asked = fleet.ask({ method: "POST", body: "x" });
    fleet.pass(59_000);
    assert.equal(asked.ending, "waiting");
    fleet.pass(2_000);
    assert.equal(asked.ending, "504");
    assert.ok(Math.abs(asked.tookMs - 60_000) <= 1_000, `${asked.tookMs} ms`);
    fleet.server(1).plan = {};
    assert.equal(fleet.ask().ending, "ok");
  });
});

describe("a response that breaks off", () => {
  for (const cutBy of ["reset", "end"] as const) {
    for (const isChunked of [false, true]) {
      it(`A07 never looks complete, wherever it is cut: ${cutBy}, ${isChunked ? "chunked" : "by length"}`, async () => {
        fleet = await fleetOf({ servers: 2, plan: { bodyBytes: 60 } });
        const headBytes = 50;
        let whole = 0;
        // Past the last byte nothing is missing.
        for (let cutAt = 0; cutAt < 190; cutAt++) {
          for (const server of fleet.servers) server.plan = { act: "cut", cutBy, cutAt, isChunked, bodyBytes: 60 };
          const asked = fleet.ask({ method: cutAt % 2 === 0 ? "GET" : "POST" });
          fleet.pass(600);
          if (asked.ending === "ok") whole++;
          else {
            assert.ok(["502", "truncated", "cut"].includes(asked.ending), `cut at ${cutAt}: ${asked.ending}`);
            assert.equal(whole, 0, `cut at ${cutAt}: incomplete behind a complete one`);
          }
          const forwarded = asked.ending === "truncated";
          const tries = fleet.reports.at(-1)?.attempts;
          if (forwarded || cutAt % 2 === 1) assert.equal(tries, 1, `cut at ${cutAt}: no second try`);
          assert.ok(cutAt > headBytes || !forwarded, "a part of a head is passed to nobody");
        }
        assert.ok(whole > 0 && whole < 100, `the sweep went past the end: ${whole}`);
      });
    }
  }
});

describe("keep-alive races", () => {
  it("A36 lead to no desync: answers byte by byte, closes said and unsaid", async () => {
    fleet = await fleetOf({
      latencyMs: [0.1, 3],
      serverEnd: { segments: { kind: "random", bytesMax: 2 } },
    });
    let count = 0;
    const plans = [{}, { fields: ["Connection: close"] }, { idleMs: 3 }, { idleMs: 40 }, { isChunked: true }, {}];
    for (let atMs = 0; atMs < 10_000; atMs += 10) {
      fleet.sim.clock.appoint(atMs, () => {
        const server = fleet.servers[count % 3];
        if (server !== undefined) server.plan = plans[count++ % plans.length] ?? {};
      });
    }
    fleet.load({ everyMs: 7, forMs: 10_000, methods: ["GET", "GET", "HEAD", "DELETE", "GET"] });
    fleet.pass(15_000);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
  });
});
