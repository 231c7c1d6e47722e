import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import { TCP_KEEP_ALIVE_MS } from "../../core/limits.ts";
import { createProxy } from "../../core/proxy.ts";
import type { ConnectOptions, ListenOptions, Runtime } from "../../core/runtime.ts";
import type { Peer } from "../../testing/peer.ts";
import { createSimulation } from "../../testing/sim.ts";
import {
  drip,
  GET,
  OK,
  ok,
  patternOf,
  post,
  readSlowly,
  SILENT,
  type Stage,
  stageWith,
  statusesTo,
} from "../scenario/stage.ts";

/** Group S: slow and stalled peers. */

const KIB = 1024;
const MIB = 1024 * KIB;
const open = (peers: readonly Peer[]): number =>
  peers.filter(({ closed, isGone }) => closed === null && !isGone).length;

/** Bytes that the upstream has sent and the client has not got: in kernels and in the proxy. */
function underWay(stage: Stage, size: number, client: Peer): number {
  const unsent = stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0;
  return size - unsent - client.receivedBytes;
}

describe("slow and stalled peers", () => {
  it("S01 a client that says nothing is closed after 10 s, without an answer", async () => {
    const stage = await stageWith();
    const client = stage.client();
    stage.after(10_000, () => client.closed !== null);
    assert.equal(client.text(), "");
    await stage.close();
  });

  it("S02 a head that comes a byte at a time is refused 10 s after its first one", async () => {
    const stage = await stageWith();
    const client = stage.client();
    drip(stage, client, GET, { bytes: 1, everyMs: 9_000 });
    stage.after(10_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [408]);
    const kept = stage.ask(GET);
    drip(stage, kept, GET, { bytes: 1, everyMs: 400 });
    stage.after(10_000, () => kept.closed !== null);
    assert.deepEqual(statusesTo(kept), [200, 408], "also between two requests, however fast it drips");
    await stage.close();
  });

  it("S03 a body that comes a byte at a time is cut within 20 s, and frees the server", async () => {
    const stage = await stageWith();
    const client = stage.client();
    const [head = ""] = post("x".repeat(1_000)).split("x", 1);
    client.send(head);
    drip(stage, client, "x".repeat(1_000), { bytes: 1, everyMs: 9_000 });
    stage.sim.advance(20_200);
    assert.deepEqual(statusesTo(client), [408]);
    assert.equal(stage.exchanges[0]?.fault, "client.too-slow");
    assert.equal(stage.endpoint.connections.count, 0);
    await stage.close();
  });

  it("S03 many of them are bounded by the server's connections, and honest clients get theirs soon", async () => {
    const stage = await stageWith({ maxConnections: 10, pool: { queueTimeout: "30s" } });
    for (let i = 0; i < 10; i++) {
      const client = stage.client();
      client.send(post("x".repeat(1_000)).slice(0, -999));
    }
    stage.sim.drive();
    const honest = stage.ask(GET);
    assert.deepEqual(statusesTo(honest), []);
    stage.sim.advance(20_200);
    assert.deepEqual(statusesTo(honest), [200]);
    await stage.close();
  });

  for (const [name, isReading] of [
    ["stops reading", false],
    ["reads a byte a second", true],
  ] as const) {
    it(`S04 a client that ${name} holds 256 KiB at most, and is given up`, async () => {
      const size = 4 * MIB;
      const stage = await stageWith({ kernelBytesMax: 4 * KIB, script: { onRequest: () => ok(patternOf(size)) } });
      const client = stage.client({ segments: { kind: "bytes" } });
      if (isReading) readSlowly(stage, client, 1);
      else client.stopReading();
      client.send(GET);
      stage.sim.advance(5_000);
      assert.ok(underWay(stage, size, client) <= 256 * KIB, `${underWay(stage, size, client)} bytes`);
      stage.sim.advance(60_200);
      assert.equal(stage.proxy.connectionCount, 0);
      assert.equal(stage.endpoint.connections.count, 0);
      assert.match(stage.exchanges[0]?.fault ?? "", /^client\.(send-timeout|reads-too-slowly)$/);
      await stage.close();
    });
  }

  it("S05 idle connections end after 75 s", async () => {
    const stage = await stageWith();
    const idle = Array.from({ length: 300 }, () => stage.ask(GET));
    stage.sim.advance(74_000);
    assert.equal(open(idle), 300);
    stage.sim.advance(1_500);
    assert.equal(open(idle), 0);
    await stage.close();
  });

  it("S05 under pressure idle connections end before that, the oldest first, and nobody is refused", async () => {
    const stage = await stageWith({ limits: { clientConnections: 100 } });
    const old = Array.from({ length: 40 }, () => stage.ask(GET));
    stage.sim.advance(1_000);
    const young = Array.from({ length: 40 }, () => stage.ask(GET));
    stage.sim.advance(1_000);
    const busy: Peer[] = [];
    stage.script = SILENT;
    for (let i = 0; i < 30; i++) busy.push(stage.ask(GET));
    stage.sim.advance(100);
    assert.deepEqual([open(old), open(young), open(busy)], [10, 40, 30]);
    for (const { peer } of stage.origin.links) peer.send(OK);
    stage.sim.advance(100);
    assert.deepEqual(
      busy.flatMap((client) => statusesTo(client)),
      Array(30).fill(200),
    );
    assert.equal(stage.notices.length, 0);
    await stage.close();
  });

  it("S06 a client that pipelines 10,000 requests and never reads is not read, either", async () => {
    const stage = await stageWith({ kernelBytesMax: 16 * KIB, script: { onRequest: () => ok("x".repeat(1_000)) } });
    const client = stage.client();
    client.stopReading();
    client.send(GET.repeat(10_000));
    stage.sim.advance(10_000);
    const answered = stage.exchanges.length;
    // Our queue and two kernels, and no more.
    assert.ok(answered > 0 && answered * 1_000 < 256 * KIB, `${answered} were answered`);
    assert.ok((client.socket?.queuedBytes ?? 0) > 10_000 * GET.length - 64 * KIB, "the rest is still the client's");
    client.readOn();
    stage.sim.advance(30_000);
    assert.equal(stage.exchanges.length, 10_000);
    await stage.close();
  });

  it("S07 the kernel is asked to probe every peer", async () => {
    const sim = createSimulation({ seed: 1 });
    const asked: (number | undefined)[] = [];
    const runtime: Runtime = {
      ...sim.runtime,
      listen(options: ListenOptions, handler) {
        asked.push(options.keepAliveMs);
        return sim.runtime.listen(options, handler);
      },
      connect(options: ConnectOptions, done) {
        asked.push(options.keepAliveMs);
        return sim.runtime.connect(options, done);
      },
    };
    const compiled = compileConfig({
      listeners: ["127.0.0.1:80"],
      upstreams: { app: { servers: ["127.0.0.1:9001"] } },
      routes: [{ upstream: "app" }],
    });
    assert.ok(!("problems" in compiled));
    const proxy = createProxy({ runtime, snapshot: compiled.snapshot });
    await proxy.start();
    sim.connect("127.0.0.1:80").send(GET);
    sim.drive();
    assert.deepEqual(asked, [TCP_KEEP_ALIVE_MS, TCP_KEEP_ALIVE_MS]);
    await sim.until(proxy.stop(), 1_000);
  });

  it("S07 a client that may have left by FIN is not waited for longer than 30 s of silence", async () => {
    const stage = await stageWith();
    let events: Peer | null = null;
    stage.script = {
      onRequest(_request, { peer }) {
        events = peer;
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
      },
    };
    const gone = stage.client({ keepsHalfOpen: true });
    gone.send(GET);
    gone.end();
    stage.sim.advance(20_000);
    events!.send("data: 2\n\n");
    stage.sim.advance(29_000);
    assert.equal(stage.proxy.connectionCount, 1, "what is sent now and then goes on");
    stage.sim.advance(31_500);
    assert.equal(stage.proxy.connectionCount, 0);
    assert.equal(stage.endpoint.connections.count, 0);
    assert.equal(stage.exchanges[0]?.fault, "client.closed");
    await stage.close();
  });

  it("S07 a client that ends its half and waits gets a late answer, and a long one", async () => {
    const body = patternOf(600_000);
    const stage = await stageWith({ script: SILENT });
    const client = stage.client({ keepsHalfOpen: true });
    readSlowly(stage, client, 10_000);
    client.send(GET);
    client.end();
    stage.sim.advance(25_000);
    stage.origin.links[0]?.peer.send(ok(body));
    stage.sim.advance(70_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.ok(client.text().endsWith(body));
    await stage.close();
  });

  it("S08 while the server takes an upload slowly, the client is not blamed", async () => {
    const stage = await stageWith({
      kernelBytesMax: 4 * KIB,
      script: { onConnect: ({ peer }) => readSlowly(stage, peer, 200), onRequest: () => OK },
      timeouts: { sendIdle: "10m" },
    });
    const client = stage.ask(post("x".repeat(300_000)));
    stage.sim.advance(120_000);
    assert.equal(client.closed, null);
    assert.equal(stage.exchanges.length, 0);
    const unsent = client.socket?.queuedBytes ?? 0;
    assert.ok(300_000 - unsent <= 200 * KIB, `${300_000 - unsent} bytes were taken from the client`);
    await stage.close();
  });

  it("S10 2,000 slow clients do not hinder 100 honest requests a second", async () => {
    const stage = await stageWith({ limits: { clientConnections: 3_000 } });
    for (let i = 0; i < 2_000; i++) {
      const slow = stage.client({ from: `10.0.${i >> 8}.${i & 255}` });
      slow.send(i % 2 === 0 ? "GET / HTTP/1.1\r\n" : post("x".repeat(1_000)).slice(0, -999));
    }
    stage.sim.drive();
    let durationMs = 0;
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i < 100; i++) {
        const honest = stage.ask(GET, { from: "192.0.2.1" });
        assert.deepEqual(statusesTo(honest), [200]);
        durationMs = Math.max(durationMs, stage.exchanges.at(-1)?.durationMs ?? 0);
        honest.end();
      }
      stage.sim.advance(1_000);
    }
    assert.ok(durationMs < 10, `the slowest took ${durationMs} ms of the simulated clock`);
    await stage.close();
  });
});
