import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { SlowStart } from "../../../core/upstream/slow-start.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { POOL, serverOf } from "./definitions.ts";

function endpoint(weight: number): Endpoint {
  const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
  return new Endpoint(serverOf("127.0.0.1:80", { weight }), POOL, surroundings);
}

describe("a slow start", () => {
  it("goes from a tenth to all of the weight in a straight line", () => {
    const server = endpoint(10);
    const slowStart = new SlowStart(1_000);
    slowStart.begin(server, 5_000);
    assert.deepEqual([server.weight, server.readySinceMs, slowStart.isIdle], [1, 5_000, false]);
    for (const [atMs, weight] of [
      [5_000, 1],
      [5_099, 1],
      [5_100, 1],
      [5_101, 1.01],
      [5_500, 5],
      [5_999, 9.99],
    ]) {
      slowStart.advance(atMs!);
      assert.ok(Math.abs(server.weight - weight!) < 1e-9, `${atMs}: ${server.weight}`);
    }
    slowStart.advance(6_000);
    assert.deepEqual([server.weight, slowStart.isIdle], [10, true]);
  });

  it("begins again when the server comes back again", () => {
    const [one, other] = [endpoint(1), endpoint(1)];
    const slowStart = new SlowStart(1_000);
    slowStart.begin(one, 0);
    slowStart.begin(other, 500);
    slowStart.advance(800);
    slowStart.begin(one, 800);
    assert.deepEqual([one.weight, other.weight], [0.1, 0.3]);
    slowStart.advance(1_500);
    assert.deepEqual([one.weight, other.weight], [0.7, 1]);
    slowStart.advance(1_800);
    assert.equal(slowStart.isIdle, true);
  });

  it("is looked at once for each time of the clock", () => {
    const server = endpoint(10);
    const slowStart = new SlowStart(1_000);
    slowStart.begin(server, 0);
    slowStart.advance(500);
    server.setWarmth(0.2);
    slowStart.advance(500);
    assert.equal(server.weight, 2, "not again");
    slowStart.advance(600);
    assert.equal(server.weight, 6);
  });

  it("goes on under the group of a reload, or ends there", () => {
    const server = endpoint(10);
    new SlowStart(1_000).begin(server, 0);
    const [next, none] = [new SlowStart(2_000), new SlowStart(0)];
    next.follow([server]);
    next.advance(1_000);
    assert.deepEqual([server.weight, next.isIdle], [5, false]);
    none.follow([server]);
    assert.deepEqual([server.weight, none.isIdle], [10, true]);
    next.advance(2_000);
    next.follow([server]);
    assert.equal(next.isIdle, true);
  });

  it("lets go of servers that are gone, also where no request ever asks", () => {
    const servers = [endpoint(1), endpoint(1), endpoint(1)] as const;
    const slowStart = new SlowStart(1_000);
    for (const server of servers) slowStart.begin(server, 0);
    slowStart.follow([servers[1]]);
    slowStart.advance(500);
    assert.deepEqual(
      servers.map(({ weight }) => weight),
      [0.1, 0.5, 0.1],
    );
    slowStart.follow([]);
    assert.equal(slowStart.isIdle, true);
  });

  it("of no length changes nothing", () => {
    const server = endpoint(3);
    const slowStart = new SlowStart(0);
    slowStart.begin(server, 5_000);
    assert.deepEqual([server.weight, slowStart.isIdle], [3, true]);
  });

  it("goes together with the share that the server asks for, and with a new weight", () => {
    const server = endpoint(10);
    const slowStart = new SlowStart(1_000);
    slowStart.begin(server, 0);
    server.adjust({ weightShare: 0.5, weight: null, connectionsMax: null } as never);
    slowStart.advance(500);
    assert.equal(server.weight, 2.5);
    server.reconfigure(serverOf("127.0.0.1:80", { weight: 20 }), POOL);
    assert.deepEqual([server.weight, server.fullWeight], [5, 20]);
  });
});
