import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf } from "./availability/fleet.ts";

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
});
