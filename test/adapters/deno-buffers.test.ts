import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  isJoinable,
  isWritten,
  join,
  keepMemory,
  letGoOfMemory,
  release,
  takeLarge,
} from "../../adapters/deno-buffers.ts";

describe("Deno's large buffers", () => {
  it("come back when the chunk is released and its writes are done, in either order", () => {
    const buffer = takeLarge();
    const chunk = buffer.room.subarray(0, 60_000);
    const [first, second] = [chunk.subarray(0, 100), chunk.subarray(200)];
    keepMemory(first);
    keepMemory(second);
    letGoOfMemory(first);
    release(chunk);
    assert.notEqual(takeLarge(), buffer);
    letGoOfMemory(second);
    assert.equal(takeLarge(), buffer);

    keepMemory(chunk);
    letGoOfMemory(chunk);
    assert.notEqual(takeLarge(), buffer);
    release(chunk);
    assert.equal(takeLarge(), buffer);
  });

  it("stay the owner's while they are not released", () => {
    const buffer = takeLarge();
    keepMemory(buffer.room);
    letGoOfMemory(buffer.room);
    assert.notEqual(takeLarge(), buffer);
  });

  it("hold joined pieces for as long as they are written", () => {
    const buffer = takeLarge();
    release(buffer.room);
    const pieces = [new Uint8Array(6).fill(1), new Uint8Array(buffer.room.length).fill(2)];
    const length = 6 + buffer.room.length;
    assert.ok(isJoinable(length), "a chunk line and a full read go together");
    const whole = join(pieces, length);
    assert.equal(whole.buffer, buffer.whole.bytes.buffer);
    assert.deepEqual([whole.length, whole[5], whole[6], whole.at(-1)], [length, 1, 2, 2]);
    assert.notEqual(takeLarge(), buffer);
    letGoOfMemory(whole);
    assert.equal(takeLarge(), buffer);
  });

  it("are let go by joining", () => {
    const buffer = takeLarge();
    keepMemory(buffer.room);
    release(buffer.room);
    const whole = join([buffer.room, new Uint8Array(3)], buffer.room.length + 3);
    assert.equal(takeLarge(), buffer);
    letGoOfMemory(whole);
  });

  it("and any other memory is written when no write of it is under way", () => {
    const memory = new Uint8Array(100);
    assert.equal(isWritten(memory), true);
    keepMemory(memory.subarray(0, 10));
    keepMemory(memory.subarray(10, 20));
    letGoOfMemory(memory.subarray(0, 10));
    assert.equal(isWritten(memory), false);
    letGoOfMemory(memory.subarray(10, 20));
    assert.equal(isWritten(memory), true);
    const { room } = takeLarge();
    keepMemory(room);
    assert.equal(isWritten(room), false);
  });
});
