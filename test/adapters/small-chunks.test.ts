import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { SMALL_BYTES, SmallChunks } from "../../adapters/small-chunks.ts";

const BLOCK_BYTES = 65536;
const PER_BLOCK = BLOCK_BYTES / SMALL_BYTES;

describe("small copies of reads", () => {
  const source = new Uint8Array(SMALL_BYTES);
  const blockOf = (chunks: SmallChunks): Uint8Array[] =>
    Array.from({ length: PER_BLOCK }, () => chunks.copy(source, SMALL_BYTES));

  it("never share a byte", () => {
    const chunks = new SmallChunks(() => true);
    const copies = Array.from({ length: 100 }, (_, i) => chunks.copy(source.fill(i), 1 + ((i * 977) % SMALL_BYTES)));
    copies.push(chunks.copy(source.fill(100), SMALL_BYTES));
    copies.forEach((copy, i) => void assert.ok(copy.every((byte) => byte === i)));
    assert.equal(copies[1]?.length, 978);
  });

  it("lie in the memory of those that were released, once all of a block were", () => {
    const chunks = new SmallChunks(() => true);
    const first = blockOf(chunks);
    const second = blockOf(chunks);
    for (const chunk of first.slice(1)) chunks.release(chunk);
    assert.notEqual(blockOf(chunks)[0]?.buffer, first[0]?.buffer, "one is still out");
    chunks.release(first[0]!);
    for (const chunk of second) chunks.release(chunk);
    assert.equal(chunks.copy(source, 1).buffer, first[0]?.buffer);
  });

  it("leave alone what is still to be written", () => {
    const queued = new Set<ArrayBufferLike>();
    const chunks = new SmallChunks((memory) => !queued.has(memory.buffer));
    const first = blockOf(chunks);
    queued.add(first[0]!.buffer);
    for (const chunk of first) chunks.release(chunk);
    assert.notEqual(chunks.copy(source, 1).buffer, first[0]?.buffer);
  });

  it("do not wait for more than a few blocks, and take none for theirs that is not", () => {
    const chunks = new SmallChunks(() => true);
    const forgotten = Array.from({ length: 10 }, () => blockOf(chunks));
    for (const chunk of forgotten[0]!) chunks.release(chunk);
    chunks.release(new Uint8Array(10));
    const memories = new Set(forgotten.map(([chunk]) => chunk!.buffer));
    assert.ok(!memories.has(chunks.copy(source, SMALL_BYTES).buffer));
  });
});
