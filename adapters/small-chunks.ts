/**
 * Reads into a buffer that is used again must be copied out. Small ones go side by side into shared blocks, so that
 * neither an allocation nor a buffer of full size goes with each. A block begins anew once all its chunks were released
 * and nothing waits to be written out of it: a few blocks stay in the caches, where new ones never are.
 */

/** What counts as small; a request head fits. */
export const SMALL_BYTES = 4096;
const BLOCK_BYTES = 65536;
/** Full blocks whose chunks are waited for. An older one is the collector's. */
const FULL_BLOCKS_MAX = 4;

class Block {
  readonly bytes = new Uint8Array(BLOCK_BYTES);
  usedBytes = 0;
  /** Chunks that nobody has released. */
  chunksOut = 0;
}

export class SmallChunks {
  readonly #isWritten: (memory: Uint8Array) => boolean;
  readonly #full: Block[] = [];
  #block = new Block();

  /** `isWritten`: of the same adapter. */
  constructor(isWritten: (memory: Uint8Array) => boolean) {
    this.#isWritten = isWritten;
  }

  /**
   * A copy of `source[0, length)`, at most `SMALL_BYTES`, which nobody else has before it is released. One that is kept
   * for long keeps its whole block.
   */
  copy(source: Uint8Array, length: number): Uint8Array {
    if (this.#block.usedBytes + length > BLOCK_BYTES) this.#nextBlock();
    const block = this.#block;
    const start = block.usedBytes;
    block.usedBytes += length;
    block.chunksOut++;
    const copy = block.bytes.subarray(start, block.usedBytes);
    copy.set(length === source.length ? source : source.subarray(0, length));
    return copy;
  }

  /** Once for a chunk; of one that was not made here it says nothing. */
  release(chunk: Uint8Array): void {
    const memory = chunk.buffer;
    if (memory === this.#block.bytes.buffer) {
      this.#block.chunksOut--;
      return;
    }
    for (const block of this.#full) {
      if (memory === block.bytes.buffer) block.chunksOut--;
    }
  }

  #nextBlock(): void {
    this.#full.push(this.#block);
    const at = this.#full.findIndex(({ bytes, chunksOut }) => chunksOut === 0 && this.#isWritten(bytes));
    const [again] = at === -1 ? [] : this.#full.splice(at, 1);
    if (again !== undefined) again.usedBytes = 0;
    this.#block = again ?? new Block();
    if (this.#full.length > FULL_BLOCKS_MAX) this.#full.shift();
  }
}
