import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { drip, GET, ok, patternOf, post, readSlowly, SILENT, type Stage, stageWith, statusesTo } from "./stage.ts";

/** The minimum rate: only for clients, only after the grace, only for time spent waiting for them (S03, S04, S08). */

let stage: Stage;
afterEach(() => stage.close());

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);
const UNTIL_NOTICED_MS = 5_200;

describe("a slow upload", () => {
  const upload = async (bytesPerSecond: number, seconds: number): Promise<void> => {
    const body = patternOf(bytesPerSecond * (seconds + 1));
    const client = stage.ask(post(body).slice(0, -body.length));
    drip(stage, client, body, { bytes: bytesPerSecond / 10, everyMs: 100 });
    stage.sim.advance(seconds * 1_000 - 100);
  };

  it("goes on at the minimum", async () => {
    stage = await stageWith();
    await upload(500, 120);
    assert.deepEqual(codes(), []);
    stage.sim.advance(2_000);
    assert.deepEqual(codes(), [""]);
  });

  it("is refused below it, once the grace is over", async () => {
    stage = await stageWith();
    await upload(490, 10);
    assert.deepEqual(codes(), []);
    await upload(490, UNTIL_NOTICED_MS / 1_000 + 0.3);
    assert.deepEqual(codes(), ["client.too-slow"]);
    assert.equal(stage.exchanges[0]?.status, 408);
  });

  it("is measured against the configured rate", async () => {
    stage = await stageWith({ limits: { minimumRate: 100 } });
    await upload(110, 60);
    assert.deepEqual(codes(), []);
    stage.sim.advance(5_000);
    assert.deepEqual(codes(), [""]);
    await upload(90, 60);
    assert.deepEqual(codes().slice(1), ["client.too-slow"]);
  });

  it("is not refused where a route turned the rate off", async () => {
    stage = await stageWith({ routes: [{ limits: { minimumRate: 0 }, upstream: "app" }] });
    await upload(10, 300);
    stage.sim.advance(5_000);
    assert.deepEqual(codes(), [""]);
  });

  it("is not the client's fault when the upstream takes it slowly (S08)", async () => {
    stage = await stageWith({ kernelBytesMax: 4_096, segments: { kind: "random", bytesMax: 200 } });
    stage.script = { onConnect: (link) => readSlowly(stage, link.peer, 400) };
    const client = stage.ask(post(patternOf(350_000)));
    stage.sim.advance(300_000);
    assert.deepEqual(codes(), [], "it moves, and the client is not to blame");
    assert.equal(client.closed, null);
  });

  it("is not the client's fault while the upstream cannot be reached", async () => {
    stage = await stageWith({ timeouts: { connect: "40s" } });
    stage.sim.hang("127.0.0.1:9001");
    stage.ask(post(patternOf(100_000)));
    stage.sim.advance(39_000);
    assert.deepEqual(codes(), []);
    stage.sim.advance(2_000);
    assert.deepEqual(codes(), ["upstream.connect-timeout"]);
  });
});

describe("a slow reader", () => {
  const download = async (bytesPerSecond: number): Promise<void> => {
    stage = await stageWith({
      kernelBytesMax: 4_096,
      segments: { kind: "random", bytesMax: 100 },
      script: { onRequest: () => ok(patternOf(500_000)) },
    });
    const client = stage.client();
    readSlowly(stage, client, bytesPerSecond);
    client.send(GET);
    stage.sim.drive();
  };

  it("is cut below the minimum, once the grace is over", async () => {
    await download(350);
    stage.sim.advance(10_000);
    assert.deepEqual(codes(), []);
    stage.sim.advance(60_000);
    assert.deepEqual(codes(), ["client.reads-too-slowly"]);
  });

  it("is served above it", async () => {
    await download(600);
    stage.sim.advance(400_000);
    assert.deepEqual(codes(), []);
    assert.equal(stage.proxy.connectionCount, 1);
  });

  it("gets the rest of the last response, too", async () => {
    stage = await stageWith({
      kernelBytesMax: 4_096,
      segments: { kind: "random", bytesMax: 100 },
      script: { onRequest: () => ok(patternOf(120_000)) },
    });
    for (const request of [GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), "GET / HTTP/1.0\r\n\r\n", GET]) {
      const client = stage.client();
      readSlowly(stage, client, 900);
      client.send(request);
      stage.sim.advance(150_000);
      assert.deepEqual(statusesTo(client), [200], request);
    }
    assert.deepEqual(codes(), ["", "", ""]);
  });

  it("that has said all it wanted to gets the rest, too", async () => {
    stage = await stageWith({
      kernelBytesMax: 4_096,
      segments: { kind: "random", bytesMax: 100 },
      script: { onRequest: () => ok(patternOf(120_000)) },
    });
    const client = stage.client();
    readSlowly(stage, client, 2_000);
    client.send(GET);
    stage.sim.advance(5_000);
    client.end();
    stage.sim.advance(80_000);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("of the last response is not waited for without end", async () => {
    stage = await stageWith({
      kernelBytesMax: 4_096,
      segments: { kind: "random", bytesMax: 100 },
      script: { onRequest: () => ok(patternOf(120_000)) },
    });
    const client = stage.client();
    readSlowly(stage, client, 20);
    client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    stage.sim.advance(300_000);
    assert.equal(stage.proxy.connectionCount, 0);
  });

  it("is nobody who waits for a slow upstream", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET);
    const link = stage.origin.links[0];
    link?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n");
    if (link !== undefined) drip(stage, link.peer, "x".repeat(60), { bytes: 1, everyMs: 20_000 });
    stage.sim.advance(1_300_000);
    assert.deepEqual(statusesTo(client), [200]);
  });
});
