import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { RequestHead } from "../../core/http/message.ts";
import { SimSocket } from "../../testing/sim-socket.ts";
import { GET, OK, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Heads come in memory that others have a part of. One that is looked at for hours must not keep all of it. */

let stage: Stage;
let released = 0;
const { release } = SimSocket.prototype;
beforeEach(() => {
  released = 0;
  SimSocket.prototype.release = function (bytes) {
    released++;
    release.call(this, bytes);
  };
});
afterEach(async () => {
  SimSocket.prototype.release = release;
  await stage.close();
});

const STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const DOWNLOAD = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n";
const ASKED = "GET /long?a=b HTTP/1.1\r\nHost: a\r\n\r\n";

describe("a response that takes long", () => {
  for (const sharesMemory of [false, true]) {
    for (const [name, head] of Object.entries({ "event stream": STREAM, download: DOWNLOAD })) {
      it(`gives back what its heads came in: ${name}${sharesMemory ? ", in memory of others" : ""}`, async () => {
        stage = await stageWith({ sharesMemory, script: { onRequest: () => `${head}data: 1\n\n` } });
        const client = stage.ask(ASKED);
        stage.sim.advance(50_000);
        assert.equal(released, 0, "it may end soon");
        stage.origin.links[0]!.peer.send("da");
        stage.sim.advance(20_000);
        assert.equal(released, 3, "what came in the middle, and both heads");
        stage.script = { onRequest: () => OK };
        for (let i = 0; i < 5; i++) assert.deepEqual(statusesTo(stage.ask(GET)), [200]); // in the same memory
        stage.origin.links[0]!.peer.send("ta\n\n");
        stage.origin.links[0]!.peer.end();
        stage.sim.advance(100);
        assert.match(client.text(), /ta\n\n(?:\r\n0\r\n\r\n)?$/);
        const { method, target, status, fault } = stage.exchanges.at(-1)!;
        assert.deepEqual([method, target, status, fault], ["GET", "/long?a=b", 200, ""]);
      });
    }
  }

  it("is told as one where a hook has looked at its head in its own time", async () => {
    const hooks = { onResponse: async () => undefined };
    stage = await stageWith({
      routes: [{ upstream: "app", hooks } as never],
      script: { onRequest: () => `${STREAM}data: 1\n\n` },
    });
    stage.ask(ASKED);
    for (let i = 0; i < 5; i++) {
      await stage.sim.settle();
      stage.sim.drive();
    }
    stage.sim.advance(70_000);
    assert.equal(released, 2);
  });

  it("moves a head out that came in two reads", async () => {
    stage = await stageWith({ script: { onRequest: () => `${STREAM}data: 1\n\n` } });
    const client = stage.client();
    client.send(ASKED.slice(0, 1));
    stage.sim.advance(100);
    client.send(ASKED.slice(1));
    stage.sim.advance(100);
    let moves = 0;
    const { moveOut } = RequestHead.prototype;
    RequestHead.prototype.moveOut = function () {
      moveOut.call(this);
      moves++;
      assert.equal(this.fields.bytes.length, ASKED.length - 4, "the lines, without the last end and the empty one");
    };
    try {
      stage.sim.advance(70_000);
    } finally {
      RequestHead.prototype.moveOut = moveOut;
    }
    assert.equal(moves, 1);
  });

  it("leaves what a request behind it came in to that", async () => {
    stage = await stageWith({ limits: { minimumRate: 0 }, script: { onRequest: () => `${DOWNLOAD}data: 1\n\n` } });
    const client = stage.ask(ASKED + GET);
    stage.sim.advance(50_000);
    stage.origin.links[0]!.peer.send("da");
    stage.sim.advance(20_000);
    stage.script = { onRequest: () => OK };
    stage.origin.links[0]!.peer.send("ta\n\n");
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200, 200]);
  });

  it("may wait for a transform that has yet to begin", async () => {
    const silentUntilEnd = (body: ReadableStream) =>
      body.pipeThrough(
        new TransformStream({ transform() {}, flush: (out) => out.enqueue(new TextEncoder().encode("done")) }),
      );
    const hooks = { transformResponseBody: silentUntilEnd };
    const script = { onRequest: () => "HTTP/1.1 200 OK\r\nX-Head: here\r\nContent-Length: 3\r\n\r\na" };
    stage = await stageWith({ routes: [{ upstream: "app", hooks } as never], script });
    const client = stage.ask(GET);
    await stage.sim.settle();
    for (const piece of ["b", "c"]) {
      stage.sim.advance(50_000);
      stage.origin.links[0]!.peer.send(piece);
      for (let i = 0; i < 10; i++) {
        stage.sim.drive();
        await stage.sim.settle();
      }
    }
    assert.match(client.text(), /\r\nX-Head: here\r\n[\s\S]*done/);
  });
});
