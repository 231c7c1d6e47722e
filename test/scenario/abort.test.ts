import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { DEFAULT_TIMEOUTS } from "../../core/limits.ts";
import {
  assertSettled,
  GET,
  OK,
  ok,
  patternOf,
  post,
  SILENT,
  type Stage,
  type StageOptions,
  stageWith,
  statusesTo,
} from "./stage.ts";

/** A client that goes away takes its request along: nothing upstream works for nobody (A30). */

let stage: Stage;
afterEach(() => stage.close());

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);
const WAYS: [string, StageOptions][] = [
  ["noticed at once", {}],
  ["not noticed while paused", { noticesResetWhilePaused: false }],
];

for (const [name, options] of WAYS) {
  describe(`a client that resets, ${name}`, () => {
    it("before the response: the upstream is let go", async () => {
      stage = await stageWith({ ...options, script: SILENT });
      const client = stage.ask(GET);
      client.reset();
      stage.sim.drive();
      assert.deepEqual(codes(), ["client.reset"]);
      assert.equal(stage.exchanges[0]?.status, 499);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null);
      assertSettled(stage);
    });

    it("in the middle of its body: no complete request upstream", async () => {
      stage = await stageWith(options);
      const client = stage.ask(post(patternOf(1_000)).slice(0, 500));
      client.reset();
      stage.sim.drive();
      assert.deepEqual(codes(), ["client.reset"]);
      assert.equal(stage.origin.requests.length, 0);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null);
      assertSettled(stage);
    });

    it("in the middle of a chunked body: never the last chunk", async () => {
      stage = await stageWith(options);
      const client = stage.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
      client.reset();
      stage.sim.drive();
      assert.ok(!stage.origin.links[0]?.raw.includes("\r\n0\r\n"));
      assertSettled(stage);
    });

    it("in the middle of a download", async () => {
      stage = await stageWith({ ...options, script: { onRequest: () => ok(patternOf(2_000_000)) } });
      const client = stage.client();
      client.onReceive = (peer) => peer.reset();
      client.send(GET);
      stage.sim.advance(1_000);
      assert.equal(codes().length, 1);
      assert.match(codes()[0] ?? "", /^client\./);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null);
      assertSettled(stage);
    });

    it("while its request is held by a full upstream", async () => {
      stage = await stageWith({ ...options, script: { onConnect: (link) => link.peer.stopReading() } });
      const client = stage.ask(post(patternOf(2_000_000)));
      client.reset();
      stage.sim.advance(61_000);
      assert.equal(codes().length, 1);
      for (const { peer } of stage.origin.links) peer.readOn();
      stage.sim.drive();
      assertSettled(stage);
    });

    it("while connecting: the connection still comes to the pool", async () => {
      stage = await stageWith({ ...options, latencyMs: [2, 2] });
      const client = stage.client();
      client.send(GET);
      stage.sim.advance(7);
      assert.equal(stage.endpoint.connections.count, 1);
      assert.equal(stage.origin.links.length, 0);
      client.reset();
      stage.sim.drive();
      assert.deepEqual(codes(), ["client.reset"]);
      assert.equal(stage.endpoint.connections.idleCount, 1);
      assert.equal(stage.origin.requests.length, 0);
      assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
      assert.equal(stage.origin.links.length, 1, "used by the next request");
    });

    it("while connecting to nowhere: the deadline still holds", async () => {
      stage = await stageWith(options);
      stage.sim.hang("127.0.0.1:9001");
      const client = stage.ask(GET);
      client.reset();
      stage.sim.drive();
      assert.equal(stage.endpoint.inFlight, 0);
      stage.after(3_000, () => stage.endpoint.connections.count === 0);
    });

    it("while queued: its place is given up", async () => {
      stage = await stageWith({ ...options, maxConnections: 1, pool: { queue: 1 }, script: SILENT });
      const first = stage.ask(GET);
      const queued = stage.ask(GET);
      queued.reset();
      stage.sim.drive();
      const next = stage.ask(GET);
      assert.equal(next.receivedBytes, 0, "there is room in the queue");
      stage.script = {};
      stage.origin.links[0]?.peer.send(OK);
      stage.sim.drive();
      assert.deepEqual([statusesTo(first), statusesTo(next)], [[200], [200]]);
      assert.deepEqual(codes(), ["client.reset", "", ""]);
      assert.equal(stage.origin.requests.length, 2);
    });

    it("between requests: nothing to say about it", async () => {
      stage = await stageWith(options);
      const client = stage.ask(GET);
      client.reset();
      stage.sim.drive();
      assert.deepEqual(codes(), [""]);
      assertSettled(stage);
    });

    it("in the middle of a head", async () => {
      stage = await stageWith(options);
      const client = stage.ask("GET / HT");
      client.reset();
      stage.sim.drive();
      assert.deepEqual(codes(), []);
      assertSettled(stage);
    });
  });
}

describe("a client that ends in the middle of its body", () => {
  it("is gone: the upstream sees no complete request", async () => {
    stage = await stageWith();
    const client = stage.ask(post(patternOf(1_000)).slice(0, 500));
    client.end();
    stage.sim.drive();
    assert.deepEqual(codes(), ["client.closed"]);
    assert.equal(stage.origin.requests.length, 0);
    assertSettled(stage);
  });

  it("is answered nothing: 499 is for the log", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(post(patternOf(1_000)).slice(0, 500), { keepsHalfOpen: true });
    client.end();
    stage.sim.drive();
    assert.deepEqual([stage.exchanges[0]?.status, client.text(), client.closed], [499, "", "end"]);
  });
});

describe("a client that ended its half, and is silent for too long with its server", () => {
  it("is answered nothing: 499 is for the log", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET, { keepsHalfOpen: true });
    client.end();
    stage.after(DEFAULT_TIMEOUTS.halfClosedMs, () => client.closed !== null);
    assert.deepEqual([stage.exchanges[0]?.status, client.text(), client.closed], [499, "", "end"]);
    assert.deepEqual(codes(), ["client.closed"]);
    assertSettled(stage);
  });
});

describe("a thousand clients that go away at a thousand moments", () => {
  it("leave nothing behind", async () => {
    stage = await stageWith({ latencyMs: [0.1, 0.4], script: { onRequest: () => ok(patternOf(2_000)) } });
    for (let moment = 0; moment < 1_000; moment++) {
      const client = stage.client();
      client.send(moment % 2 === 0 ? GET : post(patternOf(1_000)));
      stage.sim.advance((moment % 100) / 20);
      client.reset();
    }
    stage.sim.advance(4_000);
    assertSettled(stage);
  });
});
