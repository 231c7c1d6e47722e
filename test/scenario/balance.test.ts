import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { BALANCER_NAMES } from "../../core/balance/names.ts";
import { type Fleet, fleetOf } from "./availability/fleet.ts";
import type { ServerPlan } from "./availability/fleet-server.ts";

/** How requests find their servers, from the configuration to the wire. */

let fleet: Fleet;
afterEach(() => fleet.close());

const SECRET = "0123456789abcdef";

function serverOf(...fields: string[]): string {
  const asked = fleet.ask({ fields });
  fleet.pass(50);
  assert.equal(asked.ending, "ok");
  return asked.server;
}

const cookieOf = (fields: readonly (readonly [string, string])[]): string | null =>
  fields.find(([name]) => name.toLowerCase() === "set-cookie")?.[1] ?? null;

describe("a request finds its server", () => {
  it("by what it is hashed by, whoever asks", async () => {
    fleet = await fleetOf({ servers: 5, upstream: { balance: { hash: "header:X-User" } } });
    const homes = new Map<string, string>();
    for (let i = 0; i < 30; i++) homes.set(`u${i}`, serverOf(`X-User: u${i}`));
    assert.equal(new Set(homes.values()).size, 5);
    for (const [user, home] of homes) assert.equal(serverOf(`x-user: ${user}`), home);
    assert.ok(new Set(Array.from({ length: 40 }, () => serverOf())).size > 1, "without it by two choices");
  });

  it("by its cookie, which is set once, and again when its server is gone", async () => {
    fleet = await fleetOf({ upstream: { sticky: { secret: SECRET, cookie: "stay", maxAge: "1h" } } });
    const first = fleet.ask();
    fleet.pass(50);
    const set = cookieOf(first.fields) ?? "";
    assert.match(set, /^stay=[0-9a-f]{24}\.[0-9a-f]{32}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
    const cookie = `Cookie: a=b; ${set.split(";")[0]}`;
    for (let i = 0; i < 10; i++) {
      const again = fleet.ask({ fields: [cookie] });
      fleet.pass(50);
      assert.deepEqual([again.server, cookieOf(again.fields)], [first.server, null]);
    }
    const number = Number(first.server.slice(1));
    fleet.server(number).refuse();
    const moved = fleet.ask({ fields: [cookie] });
    fleet.pass(500);
    assert.equal(moved.ending, "ok");
    assert.notEqual(moved.server, first.server);
    const next = cookieOf(moved.fields) ?? "";
    assert.equal(serverOf(`Cookie: ${next.split(";")[0]}`), moved.server);
  });

  it("by how long servers take, when that is asked for", async () => {
    for (const balance of ["peak-ewma", "least-time"]) {
      fleet = await fleetOf({ upstream: { balance } });
      for (const [i, server] of fleet.servers.entries()) server.plan = { delayMs: [5, 400, 400][i] ?? 0 };
      fleet.load({ everyMs: 20, forMs: 6_000 });
      fleet.pass(8_000);
      const late = fleet.askedWithin(2_000);
      const fast = late.filter(({ server }) => server === "s1").length;
      // One in three pairs has no fast server in it.
      assert.ok(fast > late.length * 0.6, `${balance}: ${fast} of ${late.length}`);
      if (balance === "peak-ewma") await fleet.close();
    }
  });

  for (const balance of ["peak-ewma", "least-time"]) {
    it(`not by how fast they fail: ${balance}`, async () => {
      fleet = await fleetOf({ servers: 4, plan: { delayMs: 60 }, upstream: { balance } });
      // About the request or not, it is no reason to send it everything.
      fleet.server(1).plan = { delayMs: 1, status: 500 };
      fleet.load({ everyMs: 6, forMs: 12_000 });
      fleet.pass(13_000);
      const { ok = 0, 500: failed = 0 } = fleet.tally();
      assert.equal(ok + failed, 2_000);
      assert.ok(failed < 2_000 / 4 / 4, `${failed} failed`);
    });

    it(`nor by how fast they break off: ${balance}`, async () => {
      fleet = await fleetOf({ servers: 4, plan: { delayMs: 60 }, upstream: { balance } });
      // Every other time, so that it never fails five times in a row.
      let isTurn = false;
      const fickle = (): ServerPlan => {
        isTurn = !isTurn;
        return isTurn ? { act: "reset" } : { delayMs: 1, fields: ["Connection: close"] };
      };
      Object.defineProperty(fleet.server(1), "plan", { get: fickle });
      fleet.load({ everyMs: 6, forMs: 12_000 });
      fleet.pass(13_000);
      const { length } = fleet.server(1).arrivals;
      assert.ok(length < 2_000 / 4 / 2, `${length} requests, ${JSON.stringify(fleet.tally())}`);
    });
  }
});

describe("one of four that returns", () => {
  const hash = { hash: "header:X-User" };
  const all = [...BALANCER_NAMES, hash, { ...hash, method: "maglev", boundedLoad: 1.25 }];

  /** How many times its fair share the first server gets. */
  const shareWithin = (ms: number): number => {
    const counts = (): number[] => fleet.servers.map(({ arrivals: { length } }) => length);
    const before = counts();
    fleet.pass(ms);
    const got = counts().map((count, i) => count - (before[i] ?? 0));
    return ((got[0] ?? 0) * got.length) / got.reduce((sum, count) => sum + count, 0);
  };

  const returns = async (balance: unknown, delayMs: number, requests: number): Promise<void> => {
    const health = { ejection: { baseTime: "500ms" } };
    fleet = await fleetOf({ servers: 4, plan: { delayMs: 60 }, upstream: { slowStart: "10s", balance, health } });
    for (let i = 0; i < requests; i++) {
      fleet.sim.clock.appoint(i * 6, () => void fleet.clients.ask({ fields: [`X-User: u${i % 997}`] }));
    }
    fleet.pass(200);
    fleet.server(1).refuse();
    fleet.pass(500);
    fleet.server(1).plan = { delayMs };
    fleet.server(1).restore();
    for (let passed = 0; passed < 10_000 && fleet.states()[0] !== "up"; passed += 50) fleet.pass(50);
    assert.equal(fleet.states()[0], "up");
  };

  for (const balance of all) {
    it(`Q07 gets at most half as much again as its share in the first second: ${JSON.stringify(balance)}`, async () => {
      // One that answers sooner than the others draws requests.
      await returns(balance, 5, 700);
      const first = shareWithin(1_000);
      assert.ok(first <= 1.5, `${first} times its share`);
      fleet.pass(5_000);
      assert.deepEqual(fleet.tally(), { ok: 700 });
    });
  }

  for (const balance of ["two-choices", hash]) {
    it(`Q07 has its share after a ramp of ten seconds: ${JSON.stringify(balance)}`, async () => {
      await returns(balance, 60, 2_400);
      const seconds = Array.from({ length: 12 }, () => shareWithin(1_000));
      const mean = (from: number, to: number): number =>
        seconds.slice(from, to).reduce((sum, share) => sum + share, 0) / (to - from);
      assert.ok((seconds[0] ?? 1) <= 0.25, seconds.join(" "));
      assert.ok(mean(3, 7) > 0.3 && mean(3, 7) < 0.7, seconds.join(" "));
      assert.ok(mean(10, 12) > 0.75 && mean(10, 12) < 1.25, seconds.join(" "));
      fleet.pass(7_000);
    });
  }
});
