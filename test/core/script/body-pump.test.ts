import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { EMPTY_CHUNKS_MAX, STREAM_PIECE_BYTES_MAX } from "../../../core/limits.ts";
import { BodyPump, type PumpOwner } from "../../../core/script/body-pump.ts";
import { around } from "./stage.ts";
import { sent, turns } from "./streams.ts";

/** What a pump told, in words. */
class Listener implements PumpOwner {
  readonly told: string[] = [];
  readonly pieces: Uint8Array[] = [];
  takes = true;

  onBodyBegins(length: number): void {
    this.told.push(`begins ${length}`);
  }
  onBodyPiece(bytes: Uint8Array): boolean {
    this.told.push(String(bytes.length));
    this.pieces.push(bytes);
    return this.takes;
  }
  onBodyPause(): void {}
  onBodyEnd(): void {
    this.told.push("end");
  }
  onBodyFailed(failure: string, error: unknown): void {
    this.told.push(`${failure} ${error instanceof Error ? error.message : error}`);
  }
}

function pumpOf(stream: ReadableStream<Uint8Array>, waits = false) {
  const owner = new Listener();
  const surroundings = around();
  const pump = new BodyPump(stream, owner, surroundings, 1_000);
  pump.start(waits);
  return { owner, pump, surroundings };
}

describe("a pump", () => {
  it("knows the length of what is all there", async () => {
    for (const response of [new Response("hello"), Response.json("abc"), new Response(new Uint8Array(5))]) {
      const { owner } = pumpOf(response.body as ReadableStream<Uint8Array>);
      await turns();
      assert.deepEqual(owner.told, ["begins 5", "5", "end"]);
    }
    const empty = pumpOf(sent(0).stream);
    await turns();
    assert.deepEqual(empty.owner.told, ["begins 0", "end"]);
  });

  it("begins at once with what comes later, unless its first byte matters", async () => {
    const { stream, controller } = sent();
    const { owner } = pumpOf(stream);
    await turns();
    assert.deepEqual(owner.told, ["begins -1"]);
    controller.enqueue(new Uint8Array(3));
    await turns();
    controller.close();
    await turns();
    assert.deepEqual(owner.told, ["begins -1", "3", "end"]);

    const later = sent();
    const waiting = pumpOf(later.stream, true);
    await turns();
    assert.deepEqual(waiting.owner.told, []);
    later.controller.enqueue(new Uint8Array(3));
    await turns();
    assert.deepEqual(waiting.owner.told, ["begins -1", "3"]);
    waiting.pump.waitNoLonger();
    assert.deepEqual(waiting.owner.told, ["begins -1", "3"]);
  });

  it("begins without its first byte once that is waited for no longer", async () => {
    const { stream, controller } = sent();
    const { owner, pump } = pumpOf(stream, true);
    await turns();
    pump.waitNoLonger();
    pump.waitNoLonger();
    assert.deepEqual(owner.told, ["begins -1"]);
    controller.enqueue(new Uint8Array(3));
    controller.enqueue(new Uint8Array(4));
    await turns();
    controller.close();
    await turns();
    assert.deepEqual(owner.told, ["begins -1", "3", "4", "end"]);
    const { owner: left, pump: canceled } = pumpOf(sent().stream, true);
    canceled.cancel();
    canceled.waitNoLonger();
    assert.deepEqual(left.told, []);
  });

  it("reads nothing while nobody takes it", async () => {
    let pulled = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(10).fill(pulled));
        },
      },
      { highWaterMark: 0 },
    );
    const owner = new Listener();
    owner.takes = false;
    const pump = new BodyPump(stream, owner, around(), 1_000);
    pump.start();
    await turns();
    const before = pulled;
    assert.ok(before <= 3, `${before} chunks were made`);
    await turns();
    assert.equal(pulled, before);
    for (let i = 0; i < 5; i++) {
      pump.resume();
      await turns();
    }
    const order = owner.pieces.map((piece) => piece[0]);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6].slice(0, order.length));
    assert.ok(order.length >= 5);
    pump.cancel();
  });

  it("lets others have a turn when a stream always has more, and goes on behind it", async () => {
    const { stream, controller } = sent();
    for (let i = 0; i < 40; i++) controller.enqueue(new Uint8Array(10));
    controller.close();
    const { owner, surroundings } = pumpOf(stream);
    const take = owner.onBodyPiece;
    owner.onBodyPiece = (bytes) => {
      surroundings.nowMs += 10;
      return take.call(owner, bytes);
    };
    await turns(400);
    const before = owner.pieces.length;
    assert.ok(before > 5 && before < 20, `${before} chunks in one turn`);
    for (let i = 0; i < 5; i++) {
      surroundings.advance(50);
      await turns(400);
    }
    assert.equal(owner.pieces.length, 40);
    assert.equal(owner.told.at(-1), "end");
  });

  it("waits for what comes behind such a turn no longer than for anything else", async () => {
    const { stream, controller } = sent();
    const { owner, surroundings } = pumpOf(stream);
    await turns();
    surroundings.nowMs += 1_000;
    controller.enqueue(new Uint8Array(1));
    await turns();
    for (let i = 0; i < 30; i++) surroundings.advance(50);
    assert.deepEqual(owner.told, ["begins -1", "1", "timeout the body stood still for 1000 ms"]);
  });

  it("cuts large chunks and gives copies", async () => {
    const chunk = new Uint8Array(STREAM_PIECE_BYTES_MAX * 2 + 1);
    const { stream, controller } = sent();
    const { owner } = pumpOf(stream);
    controller.enqueue(chunk);
    controller.close();
    await turns();
    const sizes = [STREAM_PIECE_BYTES_MAX, STREAM_PIECE_BYTES_MAX, 1].map(String);
    assert.deepEqual(owner.told.slice(1), [...sizes, "end"]);
    assert.ok(owner.pieces.every((piece) => piece.buffer !== chunk.buffer));
  });

  it("fails by what is no bytes, by errors, and by standing still", async () => {
    const text = sent();
    const nonsense = pumpOf(text.stream);
    text.controller.enqueue("text" as unknown as Uint8Array);
    await turns();
    assert.match(nonsense.owner.told.join(), /nonsense a chunk of the body is a string; give Uint8Arrays/);
    assert.equal(text.canceled.length, 1);

    const broken = sent();
    const failing = pumpOf(broken.stream);
    broken.controller.error(new Error("boom"));
    await turns();
    assert.deepEqual(failing.owner.told, ["threw boom"]);

    const still = sent();
    const stalled = pumpOf(still.stream);
    await turns();
    stalled.surroundings.advance(950);
    assert.deepEqual(stalled.owner.told, ["begins -1"]);
    stalled.surroundings.advance(200);
    assert.deepEqual(stalled.owner.told, ["begins -1", "timeout the body stood still for 1000 ms"]);
    assert.equal(still.canceled.length, 1);
  });

  it("does not follow a stream of nothing for ever", async () => {
    const { stream } = endless(0);
    const { owner } = pumpOf(stream);
    await turns(EMPTY_CHUNKS_MAX * 10);
    assert.match(owner.told.at(-1) ?? "", /nonsense .*empty chunks/);
  });

  it("cancels the stream, once, and tells nothing more", async () => {
    const { stream, controller, canceled } = sent();
    const { owner, pump } = pumpOf(stream);
    await turns();
    pump.cancel("gone");
    pump.cancel("gone");
    assert.deepEqual(canceled, ["gone"]);
    assert.throws(() => controller.enqueue(new Uint8Array(1)));
    await turns();
    assert.deepEqual(owner.told, ["begins -1"]);
  });

  it("fails by a chunk that throws when it is looked at", async () => {
    const no = (): never => {
      throw new Error("no");
    };
    for (const chunk of [new Proxy({}, { get: no, getPrototypeOf: no }), new Proxy(new Uint8Array(1), {})]) {
      const { stream, controller } = sent();
      const { owner, surroundings } = pumpOf(stream);
      controller.enqueue(chunk as Uint8Array);
      await turns();
      assert.match(owner.told.join(), /^threw /);
      assert.deepEqual(surroundings.defects, []);
    }
  });

  it("refuses a stream that somebody else reads", () => {
    const { stream } = sent();
    stream.getReader();
    assert.throws(() => new BodyPump(stream, new Listener(), around(), 1), TypeError);
  });

  it("fails by what only calls itself a stream", async () => {
    const no = (): never => {
      throw new Error("no");
    };
    const trapped = new Proxy({}, { get: no });
    for (const reader of [
      { read: () => undefined, cancel: no },
      { read: async () => trapped, cancel: no },
      { read: no, cancel: no },
    ]) {
      const { owner, pump, surroundings } = pumpOf({ getReader: () => reader } as never, true);
      await turns();
      pump.cancel();
      assert.equal(owner.told.length, 1, String(owner.told));
      assert.match(owner.told[0] ?? "", /^threw /);
      assert.deepEqual(surroundings.defects, []);
    }
    const { pump } = pumpOf({ getReader: () => ({ read: () => new Promise(() => {}), cancel: no }) } as never);
    pump.cancel();
  });
});

function endless(bytes: number) {
  return {
    stream: new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(bytes)) }),
  };
}
