import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { SMALL_BYTES, smallCopy } from "../../adapters/small-chunks.ts";

describe("small copies of reads", () => {
  it("never share a byte", () => {
    const source = new Uint8Array(SMALL_BYTES);
    const copies = Array.from({ length: 100 }, (_, i) => smallCopy(source.fill(i), 1 + ((i * 977) % SMALL_BYTES)));
    copies.push(smallCopy(source.fill(100), SMALL_BYTES));
    copies.forEach((copy, i) => void assert.ok(copy.every((byte) => byte === i)));
    assert.equal(copies[1]?.length, 978);
  });
});
