import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";

const BLOCK_BYTES = 64 * 1024;

describe("Slab", () => {
  function check(used: number, length: number, expectNewBlock: boolean): void {
    const slab = new Slab();
    const block = slab.bytes;
    slab.used = used;
    slab.reserve(length);
    assert.equal(slab.bytes !== block, expectNewBlock, `${used} used, ${length} wanted`);
    assert.equal(slab.used, expectNewBlock ? 0 : used);
    assert.ok(slab.used + length <= slab.bytes.length);
    assert.ok(slab.bytes.length >= BLOCK_BYTES);
  }

  it("keeps its block while there is room, and drops it when there is not", () => {
    check(0, 0, false);
    check(0, BLOCK_BYTES, false);
    check(0, BLOCK_BYTES + 1, true);
    check(BLOCK_BYTES - 10, 10, false);
    check(BLOCK_BYTES - 10, 11, true);
    check(BLOCK_BYTES, 0, false);
    check(BLOCK_BYTES, 1, true);
    check(5, 1_000_000, true);
  });

  it("begins a full block anew once it is written, and no sooner", () => {
    const unwritten = new Set<Uint8Array>();
    const slab = new Slab((memory) => !unwritten.has(memory));
    const first = slab.bytes;
    unwritten.add(first);
    slab.used = BLOCK_BYTES;
    slab.reserve(1);
    const second = slab.bytes;
    assert.notEqual(second, first);
    slab.used = BLOCK_BYTES;
    slab.reserve(1);
    assert.equal(slab.bytes, second);
    assert.equal(slab.used, 0);
    unwritten.add(second).delete(first);
    slab.used = BLOCK_BYTES;
    slab.reserve(1);
    assert.equal(slab.bytes, first);
  });

  it("never begins a block anew in which something was pending, nor a large one", () => {
    const slab = new Slab(() => true);
    const first = slab.bytes;
    slab.used = BLOCK_BYTES;
    slab.pendingBytes = 10;
    slab.reserve(2 * BLOCK_BYTES);
    const large = slab.bytes;
    slab.used = large.length;
    slab.reserve(1);
    assert.ok(slab.bytes !== first && slab.bytes !== large);
    assert.equal(slab.pendingBytes, 0);
  });

  it("waits for a few blocks only", () => {
    let isWritten = false;
    const slab = new Slab(() => isWritten);
    const blocks = new Set<Uint8Array>();
    for (let i = 0; i < 20; i++) {
      blocks.add(slab.bytes);
      slab.used = BLOCK_BYTES;
      slab.reserve(1);
    }
    isWritten = true;
    const again = new Set<Uint8Array>();
    for (let i = 0; i < 20; i++) {
      slab.pendingBytes = i % 2;
      slab.used = BLOCK_BYTES;
      slab.reserve(1);
      if (blocks.has(slab.bytes)) again.add(slab.bytes);
    }
    assert.ok(again.size > 0 && again.size <= 5, `${again.size} old blocks came back`);
  });
});
