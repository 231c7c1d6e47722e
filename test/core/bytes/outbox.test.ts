import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Outbox } from "../../../core/bytes/outbox.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import { bytesOfText } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { RecordingSocket } from "./recording-socket.ts";

const MERGE_BYTES_MAX = 4 * 1024;

function outboxes(count: number, slab = new Slab()): { outbox: Outbox; socket: RecordingSocket }[] {
  return Array.from({ length: count }, () => {
    const socket = new RecordingSocket();
    const outbox = new Outbox();
    outbox.goTo(socket, slab);
    return { outbox, socket };
  });
}

function one(): { outbox: Outbox; socket: RecordingSocket } {
  return outboxes(1)[0]!;
}

const whole = (bytes: Uint8Array): [Uint8Array, number, number] => [bytes, 0, bytes.length];

describe("Outbox", () => {
  it("merges the small pieces of a turn into one write", () => {
    const { outbox, socket } = one();
    outbox.text("head ");
    outbox.copy(bytesOfText("<copied>"), 1, 7);
    outbox.piece(...whole(bytesOfText(" piece")));
    assert.equal(outbox.pendingBytes, 17);
    assert.deepEqual(socket.calls, []);
    outbox.flush();
    assert.deepEqual(socket.calls, ["head copied piece"]);
    assert.equal(outbox.pendingBytes, 0);
    outbox.flush();
    assert.equal(socket.calls.length, 1);
  });

  it("passes large pieces on without a copy, what was pending in the same call", () => {
    const { outbox, socket } = one();
    const merged = "m".repeat(MERGE_BYTES_MAX);
    const large = "L".repeat(MERGE_BYTES_MAX + 1);
    outbox.piece(...whole(bytesOfText(merged)));
    outbox.piece(...whole(bytesOfText(large)));
    outbox.piece(...whole(bytesOfText(large)));
    assert.deepEqual(socket.calls, [`${merged}\0+\0${large}`, large]);
    assert.equal(outbox.writtenBytes, merged.length + 2 * large.length);
  });

  it("passes a whole chunk on as the very view it came as, for an adapter that uses its memory again", () => {
    const { outbox, socket } = one();
    const seen: Uint8Array[] = [];
    socket.writeRange = (bytes, start, end) => start === 0 && end === 5_000 && seen.push(bytes) > 0;
    const chunk = new Uint8Array(5_000);
    outbox.piece(chunk, 0, 5_000);
    assert.equal(seen[0], chunk);
  });

  it("counts what it wrote, and what is still to be written", () => {
    const { outbox } = one();
    outbox.text("12345");
    assert.equal(outbox.writtenBytes, 0);
    outbox.flush();
    outbox.text("678");
    assert.equal(outbox.writtenBytes, 5);
    assert.equal(outbox.pendingBytes, 3);
  });

  it("is blocked from a refused write until the socket drained", () => {
    const { outbox, socket } = one();
    socket.accepts = false;
    outbox.text("a");
    assert.equal(outbox.isBlocked, false);
    outbox.flush();
    assert.equal(outbox.isBlocked, true);
    outbox.drained();
    assert.equal(outbox.isBlocked, false);
    outbox.piece(...whole(new Uint8Array(MERGE_BYTES_MAX + 1)));
    assert.equal(outbox.isBlocked, true);
  });

  it("sends what is pending before FIN", () => {
    const { outbox, socket } = one();
    outbox.text("bye");
    outbox.end();
    assert.deepEqual(socket.calls, ["bye"]);
    assert.equal(socket.isEnded, true);
  });

  it("has nothing pending after text that can't go on the wire", () => {
    const { outbox, socket } = one();
    outbox.text("a");
    assert.throws(() => outbox.text("b\u560a"), /refuse it earlier/);
    outbox.text("c");
    outbox.flush();
    assert.deepEqual(socket.calls, ["ac"]);
  });

  it("never mixes the bytes of outboxes that share a slab, be its memory used again or not", () => {
    const step = fc.record({
      outbox: fc.integer({ min: 0, max: 2 }),
      what: fc.constantFrom("text", "text", "copy", "piece", "flush"),
      length: fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 0, max: 9_000 }), fc.constant(70_000)),
    });
    alwaysHolds(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isWritten) => {
        const all = outboxes(3, new Slab(() => isWritten));
        const expected = ["", "", ""];
        let next = 0;
        for (const { outbox: index, what, length } of steps) {
          const { outbox } = all[index]!;
          if (what === "flush") {
            outbox.flush();
            continue;
          }
          const letter = String.fromCharCode(0x21 + (next++ % 90));
          const text = letter.repeat(length);
          expected[index] += text;
          if (what === "text") outbox.text(text);
          else if (what === "piece") outbox.piece(...whole(bytesOfText(text)));
          else outbox.copy(bytesOfText(`(${text})`), 1, length + 1);
        }
        for (const [index, { outbox, socket }] of all.entries()) {
          outbox.flush();
          assert.equal(socket.written === expected[index], true, `outbox ${index} wrote something else`);
          assert.equal(outbox.writtenBytes, expected[index]!.length);
        }
      }),
      400,
    );
  });

  it("takes a megabyte of small texts in time proportional to it", () => {
    const slab = new Slab();
    const outbox = new Outbox();
    outbox.goTo(new RecordingSocket(), slab);
    const blocks = new Set<Uint8Array>();
    for (let i = 0; i < 16 * 1024; i++) {
      outbox.text("x".repeat(64));
      blocks.add(slab.bytes);
    }
    assert.equal(outbox.pendingBytes, 1024 * 1024);
    // Each new block is a copy of all that is pending.
    assert.ok(blocks.size <= 8, `${blocks.size} blocks for one megabyte`);
  });
});
