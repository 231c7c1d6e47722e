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

  it("keeps copies side by side, and in a new block where the old one is full", () => {
    const slab = new Slab();
    const source = Uint8Array.of(1, 2, 3, 4);
    slab.used = BLOCK_BYTES - 3;
    assert.equal(slab.keep(source, 1, 3), BLOCK_BYTES - 3);
    const block = slab.bytes;
    assert.equal(slab.keep(source, 0, 4), 0);
    source.fill(0);
    assert.deepEqual([...block.subarray(BLOCK_BYTES - 3, BLOCK_BYTES - 1)], [2, 3]);
    assert.deepEqual([...slab.bytes.subarray(0, slab.used)], [1, 2, 3, 4]);
  });
});
