import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Inbox } from "../../../core/bytes/inbox.ts";
import { latin1 } from "../../../core/bytes/text.ts";
import { bytesOfText } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

const append = (inbox: Inbox, chunk: Uint8Array): number => inbox.append(chunk, 0, chunk.length);
const unread = (inbox: Inbox): string => latin1(inbox.bytes, inbox.start, inbox.end);

describe("Inbox", () => {
  it("borrows a chunk that comes when it is empty, and lets go of it when consumed", () => {
    const inbox = new Inbox();
    const chunk = bytesOfText("abc");
    assert.equal(append(inbox, chunk), 0);
    assert.equal(inbox.bytes, chunk);
    inbox.consume(1);
    assert.equal(unread(inbox), "bc");
    inbox.consume(3);
    assert.equal(inbox.length, 0);
    assert.notEqual(inbox.bytes, chunk);
    assert.equal(inbox.bytes.length, 0);
  });

  it("takes of memory that others share no more than the chunk", () => {
    const inbox = new Inbox();
    const memory = bytesOfText("..one..two..");
    assert.equal(inbox.append(memory, 2, 5), 0);
    assert.deepEqual([inbox.bytes, inbox.start, inbox.end], [memory, 2, 5]);
    inbox.consume(3);
    assert.equal(inbox.append(memory, 7, 10), 3);
    assert.equal(unread(inbox), "netwo");
    inbox.consume(inbox.end);
    inbox.append(memory, 7, 10);
    assert.equal(unread(inbox), "two");
    assert.equal(latin1(memory, 0, memory.length), "..one..two..");
  });

  it("gives a chunk back that nobody looks at any more", () => {
    const inbox = new Inbox();
    assert.equal(inbox.freeChunk, null);
    const chunk = bytesOfText("abc");
    append(inbox, chunk);
    assert.equal(inbox.freeChunk, chunk);
    inbox.consume(1);
    assert.equal(inbox.freeChunk, chunk);
    inbox.isKept = true;
    assert.equal(inbox.freeChunk, null);
    inbox.consume(3);
    assert.equal(inbox.freeChunk, null);
    append(inbox, chunk);
    assert.equal(inbox.freeChunk, chunk);
    append(inbox, chunk);
    assert.equal(inbox.freeChunk, null);
  });

  it("tells by how much the unread bytes moved", () => {
    const inbox = new Inbox();
    append(inbox, bytesOfText("GET / one, then tw"));
    inbox.consume(11);
    assert.equal(append(inbox, bytesOfText("o")), 11);
    assert.equal(inbox.start, 0);
    assert.equal(unread(inbox), "then two");
    assert.equal(append(inbox, bytesOfText("!")), 0);
    assert.equal(unread(inbox), "then two!");
  });

  it("never writes into a chunk it borrowed", () => {
    const inbox = new Inbox();
    const buffer = bytesOfText("abc...");
    append(inbox, buffer.subarray(0, 3));
    append(inbox, bytesOfText("def"));
    assert.equal(unread(inbox), "abcdef");
    assert.equal(latin1(buffer, 0, 6), "abc...");
  });

  it("behaves like a string that is added to and cut from", () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 6_000 }) }),
      fc.record({ take: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ clear: fc.constant(true) }),
    );
    alwaysHolds(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const inbox = new Inbox();
        let model = "";
        let next = 0;
        for (const each of steps) {
          if ("add" in each) {
            const chunk = Uint8Array.from({ length: each.add }, () => next++ & 0xff);
            // A position of somebody who remembers where the last unread byte is.
            const kept = inbox.end - 1;
            const had = inbox.length;
            const moved = append(inbox, chunk);
            if (had > 0) assert.equal(inbox.bytes[kept - moved], model.charCodeAt(model.length - 1));
            model += latin1(chunk, 0, chunk.length);
          } else if ("take" in each) {
            const count = Math.floor(model.length * each.take);
            inbox.consume(inbox.start + count);
            model = model.slice(count);
          } else {
            inbox.clear();
            model = "";
          }
          assert.equal(unread(inbox), model);
          assert.equal(inbox.length, model.length);
        }
      }),
      60,
    );
  });

  it("takes a head of 32 KiB in single bytes without copying it over and over", () => {
    const inbox = new Inbox();
    const buffers = new Set<Uint8Array>();
    for (let i = 0; i < 32 * 1024; i++) {
      append(inbox, new Uint8Array([i & 0xff]));
      buffers.add(inbox.bytes);
    }
    assert.equal(inbox.length, 32 * 1024);
    // The first chunk, then 4, 8, 16 and 32 KiB.
    assert.equal(buffers.size, 5);
  });
});
