import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { LAST_CHANCE_MS } from "../../core/limits.ts";
import { GET, OK, ok, patternOf, post, readSlowly, SILENT, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Stopping: nothing accepted is dropped before the deadline, nothing is left after it (A18, A19). */

let stage: Stage;
afterEach(() => stage.close());

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);

/** Starts a drain; answers whether it is over. */
function drain(deadlineMs?: number): () => boolean {
  let isOver = false;
  stage.proxy.drain(deadlineMs).then(() => {
    isOver = true;
  });
  return () => isOver;
}

async function pass(ms: number): Promise<void> {
  stage.sim.advance(ms);
  await stage.sim.settle();
}

describe("draining", () => {
  it("is over at once when nobody is there", async () => {
    stage = await stageWith();
    const isOver = drain();
    await pass(100);
    assert.ok(isOver());
    stage.sim.assertQuiet();
  });

  it("accepts no more, and says goodbye to idle clients and idle servers", async () => {
    stage = await stageWith();
    const idle = stage.ask(GET);
    const fresh = stage.client();
    stage.sim.drive();
    const isOver = drain();
    await pass(LAST_CHANCE_MS - 20);
    assert.deepEqual([idle.closed, fresh.closed], [null, null]);
    await pass(200);
    assert.deepEqual([idle.closed, fresh.closed], ["end", "end"]);
    assert.ok(isOver());
    const late = stage.ask(GET);
    assert.equal(late.connectError?.code, "ECONNREFUSED");
    assert.equal(stage.origin.links[0]?.peer.closed, "end");
  });

  it("lets what is in flight finish, and ends its connections with it", async () => {
    stage = await stageWith({ script: SILENT });
    const waiting = stage.ask(GET);
    const uploading = stage.ask(post("body").slice(0, -2));
    const inHead = stage.ask(GET.slice(0, -2));
    const isOver = drain();
    await pass(5_000);
    assert.ok(!isOver());
    inHead.send("\r\n");
    uploading.send("dy");
    stage.sim.drive();
    for (const { peer } of stage.origin.links) peer.send(OK);
    await pass(100);
    for (const client of [waiting, uploading, inHead]) {
      assert.deepEqual(statusesTo(client), [200]);
      assert.match(client.text(), /\r\nConnection: close\r\n/);
      assert.equal(client.closed, "end");
    }
    assert.ok(isOver());
    assert.deepEqual(codes(), ["", "", ""]);
  });

  it("says close on responses whose head was still to come, and ends the others all the same", async () => {
    stage = await stageWith({ script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo" } });
    const client = stage.ask(GET);
    const isOver = drain();
    await pass(100);
    stage.origin.links[0]?.peer.send("dy");
    await pass(100);
    assert.deepEqual(statusesTo(client), [200]);
    await pass(LAST_CHANCE_MS + 200);
    assert.equal(client.closed, "end");
    assert.ok(isOver());
  });

  it("serves the request that crosses its goodbye (availability 1.5, clause 4)", async () => {
    stage = await stageWith();
    const [idle, fresh, late] = [stage.ask(GET), stage.client(), stage.client()];
    stage.sim.drive();
    const isOver = drain();
    await pass(900);
    for (const client of [idle, fresh]) client.send(GET);
    late.send(GET.slice(0, 5));
    await pass(3_000);
    late.send(GET.slice(5));
    await pass(100);
    assert.deepEqual(
      [idle, fresh, late].map((client) => statusesTo(client)),
      [[200, 200], [200], [200]],
    );
    for (const client of [idle, fresh, late]) {
      assert.match(client.text(), /\r\nConnection: close\r\n/);
      assert.equal(client.closed, "end");
    }
    assert.ok(isOver());
  });

  it("gives no longer chance than its deadline allows", async () => {
    stage = await stageWith();
    const idle = stage.ask(GET);
    const isOver = drain(1_000);
    await pass(700);
    assert.equal(idle.closed, "end");
    assert.ok(isOver());
  });

  it("first goes on accepting for timeouts.drainDelay, saying close", async () => {
    stage = await stageWith({ timeouts: { drainDelay: "2s", drain: "5s" } });
    const idle = stage.ask(GET);
    const isOver = drain();
    await pass(1_900);
    assert.equal(idle.closed, null, "it may send another");
    const late = stage.ask(GET);
    assert.deepEqual(statusesTo(late), [200]);
    assert.match(late.text(), /\r\nConnection: close\r\n/);
    await pass(200);
    assert.equal(stage.ask(GET).connectError?.code, "ECONNREFUSED");
    assert.ok(!isOver());
    await pass(1_200);
    assert.equal(idle.closed, "end");
    assert.ok(isOver());
  });

  it("may be stopped in that time", async () => {
    stage = await stageWith({ timeouts: { drainDelay: "20s" } });
    stage.ask(GET);
    const isOver = drain();
    await pass(1_000);
    await stage.sim.until(stage.proxy.stop(), 100);
    await pass(10);
    assert.ok(isOver());
  });

  it("answers the request that came before the listener closed, not those behind it", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET + GET);
    const isOver = drain();
    stage.origin.links[0]?.peer.send(OK);
    await pass(3_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.ok(isOver());
  });

  for (const [name, deadlineMs, ms] of [
    ["the default", undefined, 30_000],
    ["a given one", 700, 700],
  ] as const) {
    it(`cuts what is left at the deadline: ${name}`, async () => {
      stage = await stageWith({ script: SILENT });
      const waiting = stage.ask(GET);
      const uploading = stage.ask(post("body").slice(0, -2));
      const isOver = drain(deadlineMs);
      await pass(ms - 10);
      assert.ok(!isOver());
      await pass(120);
      assert.ok(isOver());
      for (const client of [waiting, uploading]) assert.ok(client.isGone);
      assert.deepEqual(statusesTo(waiting), [503]);
      assert.equal(codes().length, 2, "each is reported");
      for (const { inFlight, connections } of stage.endpoints) assert.deepEqual([inFlight, connections.count], [0, 0]);
      stage.sim.assertQuiet();
    });
  }

  it("has cut nothing where clients have their answers and only don't close", async () => {
    stage = await stageWith();
    const clients = [stage.ask(GET), stage.ask(GET)];
    for (const client of clients) client.keepsHalfOpen = true;
    const ended = stage.proxy.drain(200);
    await pass(400);
    assert.ok(await ended);
    stage.sim.assertQuiet();
  });

  it("says of a request that no answer left where the one before it still waits to", async () => {
    const big = patternOf(100_000);
    stage = await stageWith({
      script: { onRequest: ({ target }) => (target === "/big" ? ok(big) : null) },
    });
    const client = stage.client();
    stage.sim.drive();
    client.stopReading();
    client.send(GET.replace("/", "/big") + GET.replace("/", "/waits"));
    await pass(100);
    assert.deepEqual(stage.exchanges.length, 1, "the second one is under way");
    const other = stage.ask(GET.replace("/", "/waits"));
    await stage.sim.until(stage.proxy.stop(), 1_000);
    assert.deepEqual(
      stage.exchanges.map(({ target, status, responseBytes, fault }) => [target, status, responseBytes, fault]),
      [
        ["/big", 200, big.length, ""],
        ["/waits", 0, 0, "internal.draining"],
        ["/waits", 503, other.text().split("\r\n\r\n")[1]!.length, "internal.draining"],
      ],
    );
    assert.deepEqual(statusesTo(other), [503]);
    client.readOn();
    await pass(100);
    assert.doesNotMatch(client.text(), /draining/);
  });

  it("goes by the configured deadline", async () => {
    stage = await stageWith({ script: SILENT, timeouts: { drain: "2s" } });
    stage.ask(GET);
    const isOver = drain();
    await pass(1_990);
    assert.ok(!isOver());
    await pass(120);
    assert.ok(isOver());
  });

  it("cuts an open-ended response so that it can be seen", async () => {
    stage = await stageWith({ script: { onRequest: () => "HTTP/1.1 200 OK\r\n\r\nopen end" } });
    const old = stage.ask("GET / HTTP/1.0\r\n\r\n");
    const young = stage.ask(GET);
    drain(100);
    await pass(300);
    assert.equal(old.closed, "reset");
    assert.deepEqual(statusesTo(young), [], "no last chunk");
  });

  it("cuts an open-ended response that is complete, but still on its way, so that it can be seen", async () => {
    const whole = patternOf(60_000);
    stage = await stageWith({
      kernelBytesMax: 1_024,
      script: { onRequest: () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nea60\r\n${whole}\r\n0\r\n\r\n` },
    });
    const old = stage.client();
    readSlowly(stage, old, 10_000);
    old.send("GET / HTTP/1.0\r\n\r\n");
    await pass(1_000);
    assert.deepEqual(codes(), [""]);
    drain(100);
    await pass(300);
    assert.ok(old.receivedBytes > 0 && old.receivedBytes < whole.length);
    assert.equal(old.closed, "reset");
  });

  it("leaves tunnels open until the deadline, then cuts both ends", async () => {
    stage = await stageWith({
      script: {
        onRequest(_request, link) {
          link.becomeTunnel();
          return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
        },
      },
    });
    const client = stage.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    const isOver = drain(10_000);
    await pass(9_900);
    stage.origin.links[0]?.peer.send("still here");
    stage.sim.drive();
    assert.match(client.text(), /still here$/);
    await pass(300);
    assert.ok(isOver());
    assert.equal(client.closed, "reset");
    assert.equal(stage.origin.links[0]?.peer.closed, "reset");
  });

  it("is over when the last tunnel ends by itself", async () => {
    stage = await stageWith({
      script: {
        onRequest(_request, link) {
          link.becomeTunnel();
          return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
        },
      },
    });
    const client = stage.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    const isOver = drain(10_000);
    await pass(1_000);
    client.end();
    await pass(200);
    assert.ok(isOver());
  });

  it("does not wait for clients that ignore the end", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET, { keepsHalfOpen: true });
    const isOver = drain();
    stage.origin.links[0]?.peer.send(OK);
    await pass(3_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.ok(isOver());
  });

  it("gives a slow reader the rest", async () => {
    stage = await stageWith({ kernelBytesMax: 4_096, script: { onRequest: () => ok(patternOf(100_000)) } });
    const client = stage.client();
    client.stopReading();
    client.send(GET);
    stage.sim.drive();
    const isOver = drain();
    await pass(20_000);
    client.readOn();
    await pass(200);
    assert.deepEqual(statusesTo(client), [200]);
    assert.ok(isOver());
  });

  it("serves who waits in the queue", async () => {
    stage = await stageWith({ maxConnections: 1, script: SILENT });
    const clients = [stage.ask(GET), stage.ask(GET)];
    const isOver = drain();
    stage.script = {};
    stage.origin.links[0]?.peer.send(OK);
    await pass(100);
    assert.deepEqual(
      clients.map((client) => statusesTo(client)),
      [[200], [200]],
    );
    assert.ok(isOver());
  });
});

describe("stopping", () => {
  it("ends everything at once, whatever its state", async () => {
    stage = await stageWith({ maxConnections: 3, script: SILENT });
    const clients = [
      stage.client(),
      stage.ask(GET.slice(0, 10)),
      stage.ask(GET),
      stage.ask(post("body").slice(0, -1)),
      stage.ask(GET),
      stage.ask(GET),
    ];
    stage.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo");
    stage.sim.drive();
    await stage.sim.until(stage.proxy.stop(), 100);
    stage.sim.drive();
    assert.ok(clients.every(({ isGone }) => isGone));
    assert.equal(stage.exchanges.length, 4);
    assert.equal(stage.proxy.connectionCount, 0);
    for (const { inFlight, connections } of stage.endpoints) assert.deepEqual([inFlight, connections.count], [0, 0]);
    stage.sim.assertQuiet();
    assert.equal(stage.timersRunning, 0);
  });

  it("gives up connects under way", async () => {
    stage = await stageWith();
    stage.sim.hang("127.0.0.1:9001");
    stage.ask(GET);
    const cancelled = stage.ask(GET);
    cancelled.reset();
    stage.sim.drive();
    await stage.sim.until(stage.proxy.stop(), 100);
    stage.sim.drive();
    assert.equal(stage.endpoint.connections.count, 0);
    assert.equal(stage.timersRunning, 0);
  });

  it("ends a drain under way", async () => {
    stage = await stageWith({ script: SILENT });
    stage.ask(GET);
    const isOver = drain();
    await pass(1_000);
    assert.ok(!isOver());
    await stage.sim.until(stage.proxy.stop(), 100);
    await pass(10);
    assert.ok(isOver());
  });

  it("may be said twice", async () => {
    stage = await stageWith();
    await stage.proxy.stop();
    await stage.proxy.stop();
    stage.sim.assertQuiet();
  });
});
