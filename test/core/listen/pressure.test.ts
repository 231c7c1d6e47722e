import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { Peer } from "../../../testing/peer.ts";
import { GET, OK, SILENT, type Stage, stageWith, statusesTo } from "../../scenario/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

const HALF_A_HEAD = "GET / HTTP/1.1\r\n";
const askEach = (count: number, request = GET): Peer[] => Array.from({ length: count }, () => stage.ask(request));
const open = (peers: readonly Peer[]): boolean[] => peers.map(({ closed, isGone }) => closed === null && !isGone);

describe("client connections", () => {
  it("are kept up to the first mark, and closed by their response above it", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const kept = askEach(8);
    assert.deepEqual(open(kept), Array(8).fill(true));
    const above = stage.ask(GET);
    assert.match(above.text(), /\r\nConnection: close\r\n/);
    stage.sim.drive();
    assert.equal(above.closed, "end");
    assert.equal(stage.proxy.connectionCount, 8);
    assert.match(stage.ask(GET).text(), /\r\nConnection: close\r\n/, "the tenth as well");
  });

  it("that clients have come back on are kept above the mark: they would come again, and find no place", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const [regular] = askEach(1);
    const crowd = askEach(10, HALF_A_HEAD);
    for (let i = 0; i < 5; i++) {
      regular!.send(GET);
      stage.sim.advance(900);
      assert.equal(regular!.isGone, false);
    }
    assert.deepEqual(statusesTo(regular!), Array(6).fill(200));
    assert.doesNotMatch(regular!.text(), /Connection: close/);
    for (const client of crowd) client.send("Host: a\r\n\r\n");
    stage.sim.drive();
    assert.match(crowd[0]!.text(), /\r\nConnection: close\r\n/);
  });

  it("that are idle go, oldest first, before anybody is refused", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const idle: Peer[] = [];
    for (let i = 0; i < 8; i++) {
      idle.push(stage.ask(GET));
      stage.sim.advance(1_000);
    }
    // The first one is no longer the oldest: it has just been used.
    idle[0]!.send(GET);
    stage.sim.advance(1_100);
    stage.script = SILENT;
    const fresh = askEach(3);
    stage.sim.advance(100);
    assert.deepEqual(open(idle), [true, false, false, false, true, true, true, true]);
    assert.deepEqual(open(fresh), [true, true, true]);
    assert.equal(stage.notices.length, 0);
  });

  it("that were just made or just used are not taken for idle", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const fresh = Array.from({ length: 10 }, () => stage.client());
    stage.sim.advance(900);
    assert.deepEqual(open(fresh), Array(10).fill(true));
    for (const client of fresh) client.send(GET);
    stage.sim.drive();
    assert.deepEqual(
      fresh.flatMap((client) => statusesTo(client)),
      Array(10).fill(200),
    );
  });

  it("that say nothing make room also when nobody new comes", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const silent = Array.from({ length: 10 }, () => stage.client());
    stage.sim.advance(2_000);
    assert.equal(open(silent).filter(Boolean).length, 8);
    assert.equal(stage.proxy.connectionCount, 8);
  });

  for (const [inFlight, expected] of [
    [19, 200],
    [20, 503],
  ] as const) {
    it(`serve requests up to the second mark: number ${inFlight} of 20 gets ${expected}`, async () => {
      stage = await stageWith({ limits: { clientConnections: 20 }, script: SILENT });
      const busy = askEach(inFlight);
      for (const { peer } of stage.origin.links) peer.send(OK);
      stage.sim.drive();
      assert.deepEqual(statusesTo(busy.at(-1)!), [expected]);
    });
  }

  it("in the middle of a head are nobody's to take", async () => {
    stage = await stageWith({ limits: { clientConnections: 10 } });
    const slow = askEach(10, HALF_A_HEAD);
    stage.sim.advance(5_000);
    assert.deepEqual(open(slow), Array(10).fill(true));
    assert.ok(stage.ask(GET).isGone, "reset, where accepting can't rest");
    stage.sim.advance(6_000);
    assert.deepEqual(
      slow.flatMap((client) => statusesTo(client)),
      Array(10).fill(408),
    );
  });

  it("wait in the kernel where accepting can rest, and are served when there is room", async () => {
    stage = await stageWith({
      limits: { clientConnections: 10 },
      capabilities: { acceptPause: true },
      script: SILENT,
    });
    const busy = askEach(10);
    const waiting = askEach(5);
    stage.sim.advance(1_000);
    assert.equal(stage.proxy.connectionCount, 10);
    assert.deepEqual(open(waiting), Array(5).fill(true));
    assert.deepEqual(stage.notices, [
      { kind: "accept-paused", listener: "127.0.0.1:8080", limit: 10, by: "configuration" },
    ]);
    stage.script = {};
    for (const client of busy) client.reset();
    stage.sim.advance(100);
    assert.deepEqual(
      waiting.map((client) => statusesTo(client)),
      Array(5).fill([200]),
    );
  });
});

describe("requests under way", () => {
  for (const [count, status] of [
    [2, 200],
    [3, 200],
    [4, 503],
  ] as const) {
    it(`${count} where 3 may be: ${status}`, async () => {
      stage = await stageWith({ limits: { inFlight: 3 }, script: SILENT });
      const clients = askEach(count);
      for (const { peer } of stage.origin.links) peer.send(OK);
      stage.sim.drive();
      const last = clients.at(-1)!;
      assert.deepEqual(statusesTo(last), [status]);
      if (status === 503) assert.match(last.text(), /\r\nRetry-After: 1\r\n/);
      assert.equal(last.closed, null, "a refusal does not cost the connection");
      assert.equal(stage.exchanges.filter(({ fault }) => fault === "internal.overloaded").length, count === 4 ? 1 : 0);
      assert.equal(stage.engine.inFlight.count, 0);
    });
  }
});

describe("connections per address", () => {
  it("above the limit are reset, and others are not touched", async () => {
    stage = await stageWith({ limits: { connectionsPerAddress: 2 } });
    const greedy = Array.from({ length: 3 }, () => stage.ask(GET, { from: "192.0.2.7" }));
    assert.deepEqual(open(greedy), [true, true, false]);
    assert.deepEqual(statusesTo(stage.ask(GET, { from: "192.0.2.8" })), [200]);
    assert.deepEqual(stage.notices, [
      { kind: "address-shed", listener: "127.0.0.1:8080", clientAddress: "192.0.2.7", limit: 2 },
    ]);
    greedy[0]!.end();
    stage.sim.drive();
    assert.deepEqual(statusesTo(stage.ask(GET, { from: "192.0.2.7" })), [200]);
  });
});
