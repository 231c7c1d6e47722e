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
});
