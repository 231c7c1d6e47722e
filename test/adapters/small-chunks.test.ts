import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ReadRoom, SMALL_BYTES, SmallChunks } from "../../adapters/small-chunks.ts";

const BLOCK_BYTES = 65536;
const PER_BLOCK = BLOCK_BYTES / SMALL_BYTES;

describe("small copies of reads", () => {
  const room = new ReadRoom(SMALL_BYTES);
  const filled = (byte: number): ReadRoom => {
    room.bytes.fill(byte);
    return room;
  };
  const memoryOf = (chunks: SmallChunks, length: number): Uint8Array => {
    chunks.copy(room, length);
    return chunks.bytes;
  };
  /** What all chunks of a block lie in. */
  const fillBlock = (chunks: SmallChunks): Uint8Array => {
    for (let i = 1; i < PER_BLOCK; i++) chunks.copy(room, SMALL_BYTES);
    return memoryOf(chunks, SMALL_BYTES);
  };
  const releaseAll = (chunks: SmallChunks, bytes: Uint8Array, count = PER_BLOCK): void => {
    for (let i = 0; i < count; i++) assert.equal(chunks.release(bytes), true);
  };

  it("never share a byte", () => {
    const chunks = new SmallChunks(() => true);
    const copies = Array.from({ length: 400 }, (_, i) => {
      const length = i % 2 === 0 ? 1 + ((i * 977) % SMALL_BYTES) : 1 + (i % 300);
      const start = chunks.copy(filled(i & 0xff), length);
      return chunks.bytes.subarray(start, start + length);
    });
    copies.forEach(
      (copy, i) =>
        void assert.ok(
          copy.every((byte) => byte === (i & 0xff)),
          `copy ${i}`,
        ),
    );
  });

  it("are what was read, of whatever length", () => {
    const chunks = new SmallChunks(() => true);
    for (let i = 0; i < SMALL_BYTES; i++) room.bytes[i] = i % 251;
    for (const length of [1, 2, 3, 4, 5, 90, 255, 256, 257, 258, 259, 260, 1000, SMALL_BYTES - 1, SMALL_BYTES]) {
      const start = chunks.copy(room, length);
      const copy = chunks.bytes.subarray(start, start + length);
      assert.deepEqual(copy, room.bytes.subarray(0, length));
    }
  });

  it("lie in the memory of those that were released, once all of a block were", () => {
    const chunks = new SmallChunks(() => true);
    const first = fillBlock(chunks);
    const second = fillBlock(chunks);
    releaseAll(chunks, first, PER_BLOCK - 1);
    assert.notEqual(fillBlock(chunks), first, "one is still out");
    releaseAll(chunks, first, 1);
    releaseAll(chunks, second);
    assert.equal(memoryOf(chunks, 1), first);
  });

  it("leave alone what is still to be written", () => {
    const queued = new Set<Uint8Array>();
    const chunks = new SmallChunks((memory) => !queued.has(memory));
    const first = fillBlock(chunks);
    queued.add(first);
    releaseAll(chunks, first);
    assert.notEqual(memoryOf(chunks, 1), first);
  });

  it("do not wait for more than a few blocks, and know those that were given up from what is not theirs", () => {
    const chunks = new SmallChunks(() => true);
    const blocks = Array.from({ length: 10 }, () => fillBlock(chunks));
    // Whoever thinks it was somebody else's may free it, with what others have in it.
    releaseAll(chunks, blocks[0]!);
    assert.equal(chunks.release(new Uint8Array(BLOCK_BYTES)), false);
    assert.ok(!blocks.includes(memoryOf(chunks, SMALL_BYTES)));
  });
});
