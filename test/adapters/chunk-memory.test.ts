import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { freeMemory, isWritten, keepMemory, letGoOfMemory } from "../../adapters/chunk-memory.ts";
import { type LateWriter, sendLater } from "../../adapters/late-writes.ts";

const BYTES = 64 * 1024;
function writer(sendLate: () => void): LateWriter {
  return { sendLate, addTo() {}, taken() {} };
}

const canFree = "transfer" in ArrayBuffer.prototype;

describe("the memory of a chunk", () => {
  it("is freed when the chunk is released, where the runtime can", () => {
    const chunk = new Uint8Array(BYTES);
    assert.equal(freeMemory(chunk), canFree);
    assert.equal(chunk.length, canFree ? 0 : BYTES);
  });

  it("stays while any part of it is queued", () => {
    const chunk = new Uint8Array(BYTES);
    keepMemory(chunk.subarray(100, 200));
    assert.equal(freeMemory(chunk), false);
    assert.equal(chunk.length, BYTES);
  });

  it("is freed when the last part of it was written that was queued, if it was released", () => {
    for (const isReleased of [true, false]) {
      const chunk = new Uint8Array(BYTES);
      const parts = [chunk.subarray(100, 200), chunk.subarray(200)];
      for (const part of parts) keepMemory(part);
      if (isReleased) assert.equal(freeMemory(chunk), false);
      letGoOfMemory(parts[0]!);
      assert.deepEqual([chunk.length, isWritten(chunk)], [BYTES, false]);
      letGoOfMemory(parts[1]!);
      assert.equal(chunk.length, isReleased && canFree ? 0 : BYTES);
      assert.equal(isWritten(chunk), true);
    }
    letGoOfMemory(new Uint8Array(BYTES));
  });

  it("is not freed before a part of it went out that waits for the end of the turn", () => {
    const chunk = new Uint8Array(BYTES).fill(7);
    let sent = 0;
    sendLater(writer(() => void (sent = chunk[100] ?? 0)));
    freeMemory(chunk);
    assert.equal(sent, canFree ? 7 : 0);
  });

  it("is written when nothing is queued, what waits for the end of the turn included", () => {
    const memory = new Uint8Array(100);
    let hasWaited = false;
    sendLater(writer(() => void (hasWaited = true)));
    assert.equal(isWritten(memory), true);
    assert.equal(hasWaited, true);
    keepMemory(memory.subarray(10));
    assert.equal(isWritten(memory), false);
  });

  it("stays when it is small, or not the chunk's alone", () => {
    assert.equal(freeMemory(new Uint8Array(1000)), false);
    assert.equal(freeMemory(new Uint8Array(2 * BYTES).subarray(BYTES)), false);
  });
});
