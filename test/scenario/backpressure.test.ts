import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { HIGH_WATER_BYTES } from "../../core/limits.ts";
import type { Segments } from "../../testing/segments.ts";
import {
  GET,
  OK,
  ok,
  patternOf,
  post,
  readSlowly,
  type Stage,
  type StageOptions,
  stageWith,
  statusesTo,
} from "./stage.ts";

/** Bytes wait where they came from: memory stays bounded whoever is slow, and nothing is lost or reordered. */

let stage: Stage;
afterEach(() => stage.close());

const KERNEL_BYTES = 64 * 1024;
/** The kernels of both connections, the queue up to its high mark, and one chunk that was under way. */
const HELD_MAX = 2 * KERNEL_BYTES + HIGH_WATER_BYTES + KERNEL_BYTES;
const SIZE = 3_000_000;

const WAYS: [string, StageOptions][] = [
  ["whole", {}],
  [
    "in small pieces",
    { segments: { kind: "random", bytesMax: 2_000 }, upstream: { segments: { kind: "random", bytesMax: 3_000 } } },
  ],
  ["with writes that end later", { eagerWrites: false }],
  ["where a paused socket notices no reset", { noticesResetWhilePaused: false }],
];

describe("a download", () => {
  for (const [name, options] of WAYS) {
    it(`waits in the upstream for a client that does not read: ${name}`, async () => {
      const body = patternOf(SIZE);
      stage = await stageWith({ ...options, script: { onRequest: () => ok(body) } });
      const client = stage.client();
      client.stopReading();
      client.send(GET);
      stage.sim.advance(1_000);
      const unsent = stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0;
      assert.ok(SIZE - unsent <= HELD_MAX, `${SIZE - unsent} bytes are held`);
      client.readOn();
      stage.sim.advance(3_000);
      assert.deepEqual(statusesTo(client), [200]);
      assert.ok(client.text().endsWith(body), "all of it, in order");
    });
  }

  it("in chunks, too", async () => {
    const piece = patternOf(40_000);
    const chunks = `${piece.length.toString(16)}\r\n${piece}\r\n`.repeat(40);
    stage = await stageWith({
      script: { onRequest: () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n` },
    });
    const client = stage.client();
    client.stopReading();
    client.send(GET);
    stage.sim.advance(1_000);
    const sent = chunks.length - (stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0);
    assert.ok(sent <= HELD_MAX, `${sent} bytes are held`);
    client.readOn();
    stage.sim.advance(1_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.exchanges[0]?.responseBytes, 40 * piece.length);
  });

  it("flows at a slow reader's pace, held at every moment", async () => {
    const body = patternOf(1_000_000);
    stage = await stageWith({ segments: { kind: "random", bytesMax: 16_000 }, script: { onRequest: () => ok(body) } });
    const client = stage.client();
    readSlowly(stage, client, 100_000);
    client.send(GET);
    for (let second = 0; second < 11; second++) {
      stage.sim.advance(1_000);
      const unsent = stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0;
      const held = body.length - unsent - client.receivedBytes;
      assert.ok(held <= HELD_MAX, `${held} bytes are held after ${second} s`);
    }
    assert.ok(client.text().endsWith(body));
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("survives a byte at a time", async () => {
    const bytes: Segments = { kind: "bytes" };
    const body = patternOf(5_000);
    stage = await stageWith({ segments: bytes, upstream: { segments: bytes }, script: { onRequest: () => ok(body) } });
    const client = stage.ask(GET, { segments: bytes });
    stage.sim.advance(100);
    assert.ok(client.text().endsWith(body));
    assert.deepEqual(statusesTo(client), [200]);
  });
});

describe("an upload", () => {
  for (const [name, options] of WAYS) {
    it(`waits in the client for an upstream that does not read: ${name}`, async () => {
      const body = patternOf(SIZE);
      stage = await stageWith({
        ...options,
        script: { onConnect: (link) => link.peer.stopReading(), onRequest: () => OK },
      });
      const client = stage.ask(post(body));
      stage.sim.advance(1_000);
      const unsent = client.socket?.queuedBytes ?? 0;
      assert.ok(SIZE - unsent <= HELD_MAX, `${SIZE - unsent} bytes are held`);
      const [link] = stage.origin.links;
      // The judge reads the whole text anew with every chunk: raw bytes will do here.
      let received = 0;
      if (link !== undefined) link.peer.onReceive = (_peer, bytes) => void (received += bytes.length);
      link?.peer.readOn();
      stage.sim.advance(3_000);
      assert.ok(received > SIZE);
      assert.ok(link?.peer.text().endsWith(body), "all of it, in order");
      link?.peer.send(OK);
      stage.sim.drive();
      assert.deepEqual(statusesTo(client), [200]);
    });
  }

  it("waits for the connection, bounded", async () => {
    stage = await stageWith();
    stage.sim.hang("127.0.0.1:9001");
    const client = stage.ask(post(patternOf(SIZE)));
    stage.sim.advance(1_000);
    assert.ok(SIZE - (client.socket?.queuedBytes ?? 0) <= 2 * KERNEL_BYTES);
    stage.sim.advance(3_000);
    assert.equal(stage.exchanges[0]?.status, 504);
  });

  it("survives a byte at a time", async () => {
    const bytes: Segments = { kind: "bytes" };
    const body = patternOf(3_000);
    stage = await stageWith({ segments: bytes, upstream: { segments: bytes } });
    const client = stage.ask(post(body), { segments: bytes });
    stage.sim.advance(100);
    assert.equal(stage.origin.requests[0]?.body, body);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("and its echo, both slow, both bounded", async () => {
    const body = patternOf(600_000);
    stage = await stageWith({ segments: { kind: "random", bytesMax: 16_000 } });
    let echoed = 0;
    stage.script = {
      onConnect(link) {
        readSlowly(stage, link.peer, 200_000);
        const read = link.peer.onReceive;
        let isInBody = false;
        link.peer.onReceive = (peer, bytes) => {
          read?.(peer, bytes);
          const text = String.fromCharCode(...bytes);
          const start = isInBody ? 0 : text.indexOf("\r\n\r\n") + 4;
          if (!isInBody) peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
          isInBody = true;
          echoed += text.length - start;
          peer.send(text.slice(start));
        };
      },
      onRequest: () => null,
    };
    const client = stage.client();
    readSlowly(stage, client, 100_000);
    client.send(post(body));
    for (let second = 0; second < 8; second++) {
      stage.sim.advance(1_000);
      const inside = body.length - (client.socket?.queuedBytes ?? 0) - echoed;
      assert.ok(inside <= HELD_MAX, `${inside} bytes are held on their way up`);
    }
    assert.deepEqual(statusesTo(client), [200]);
    assert.ok(client.text().endsWith(body));
  });
});

describe("a response that comes before the request is complete", () => {
  for (const [name, options] of WAYS) {
    it(`reaches the client, and the upstream connection is not used again: ${name}`, async () => {
      stage = await stageWith({
        ...options,
        script: { onHead: (_head, link) => link.peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno") },
      });
      const client = stage.ask(post(patternOf(300_000)).slice(0, 200_000));
      stage.sim.advance(5_000);
      assert.deepEqual(statusesTo(client), [403]);
      assert.equal(client.closed, "end");
      assert.equal(stage.endpoint.connections.count, 0);
      assert.equal(stage.origin.requests.length, 0);
    });
  }

  it("and then the rest of the request: both arrive whole", async () => {
    stage = await stageWith({
      script: {
        onHead: (_head, link) => link.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
        onRequest: () => "later",
      },
    });
    const body = patternOf(100_000);
    const client = stage.ask(post(body).slice(0, 50_000));
    assert.match(client.text(), /first$/);
    client.send(post(body).slice(50_000));
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.origin.requests[0]?.body, body);
    assert.equal(stage.endpoint.connections.idleCount, 1, "nothing is in doubt");
    // When it began nobody could know that it would not end before the request.
    assert.match(client.text(), /\r\nConnection: close\r\n/);
    assert.equal(client.closed, "end");
  });
});
