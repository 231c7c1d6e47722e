import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { KeptBody } from "../../../core/exchange/kept-body.ts";
import { ReplayBudget } from "../../../core/exchange/replay-budget.ts";
import { bytesOfText, joinBytes, textOfBytes } from "../../../testing/wire.ts";

const ROOMY = new ReplayBudget(Number.POSITIVE_INFINITY);

const textOf = (pieces: readonly Uint8Array[]): string => (pieces.length === 0 ? "" : textOfBytes(joinBytes(pieces)));

function receive(body: KeptBody, text: string): Uint8Array {
  const bytes = bytesOfText(`<<${text}>>`);
  body.receive(bytes, 2, bytes.length - 2);
  return bytes;
}

describe("a request body that may be sent again", () => {
  it("keeps copies: what was given away may be written over", () => {
    const body = new KeptBody(100, ROOMY);
    for (const text of ["one", "two"]) receive(body, text).fill(0);
    assert.equal(body.receivedBytes, 6);
    const first = body.replay();
    assert.equal(textOf(first), "onetwo");
    for (const piece of first) piece.fill(0);
    assert.equal(textOf(body.replay()), "onetwo", "and again");
  });

  for (const [bytes, isReplayable] of [
    [9, true],
    [10, true],
    [11, false],
  ] as const) {
    it(`of ${bytes} bytes with room for 10: ${isReplayable ? "kept" : "not kept"}`, () => {
      const body = new KeptBody(10, ROOMY);
      receive(body, "x".repeat(5));
      receive(body, "x".repeat(bytes - 5));
      assert.equal(body.isReplayable, isReplayable);
      assert.equal(body.receivedBytes, bytes);
      if (!isReplayable) assert.throws(() => body.replay());
    });
  }

  it("costs one buffer, in however small pieces it comes", () => {
    const bytes = 64 * 1024;
    const body = new KeptBody(bytes, ROOMY);
    const piece = new Uint8Array(1);
    const slice = piece.slice;
    let slices = 0;
    // A copy per piece costs some two hundred times the byte it holds.
    piece.slice = (...range) => {
      slices++;
      return slice.apply(piece, range);
    };
    for (let i = 0; i < bytes; i++) {
      piece[0] = i % 251;
      body.receive(piece, 0, 1);
    }
    assert.equal(slices, 0, "copies of pieces");
    assert.ok(body.isReplayable);
    const copies = body.replay();
    assert.equal(copies.length, 1);
    assert.equal(copies[0]?.buffer.byteLength, bytes);
    assert.ok(copies[0]?.every((byte, i) => byte === i % 251));
    body.receive(piece, 0, 1);
    assert.ok(!body.isReplayable, "and one byte more is too many");
  });

  it("is not kept at all with 0", () => {
    const body = new KeptBody(0, ROOMY);
    assert.ok(!body.isReplayable);
    receive(body, "x");
    assert.equal(body.receivedBytes, 1);
    assert.throws(() => body.replay());
  });

  it("is let go of when no second try will be made, and stays so", () => {
    const body = new KeptBody(10, ROOMY);
    receive(body, "x");
    body.forget();
    receive(body, "y");
    assert.ok(!body.isReplayable);
    assert.equal(body.receivedBytes, 2);
  });
});

describe("a request body that waits for a connection", () => {
  it("is given once", () => {
    const body = new KeptBody(0, ROOMY);
    body.keep(bytesOfText("one"));
    body.keep(bytesOfText("two"));
    assert.equal(textOf(body.takePending()), "onetwo");
    assert.deepEqual(body.takePending(), []);
  });

  it("is not given in addition to its copies", () => {
    const body = new KeptBody(100, ROOMY);
    body.keep(receive(body, "one"));
    assert.equal(textOf(body.replay()), "one");
    assert.deepEqual(body.takePending(), []);
  });
});
