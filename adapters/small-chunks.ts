/**
 * Reads into a buffer that is used again must be copied out. Small ones go side by side into shared blocks, so that
 * neither an allocation, be it of a view, nor a buffer of full size goes with each. A block begins anew once all its
 * chunks were released and nothing waits to be written out of it: a few blocks stay in the caches, where new ones never are.
 */

/** What counts as small; a request head fits. */
export const SMALL_BYTES = 4096;
const BLOCK_BYTES = 65536;
/** Full blocks whose chunks are waited for. An older one is the collector's. */
const FULL_BLOCKS_MAX = 4;

/** Up to here a loop over words is cheaper than `set`, which needs a view (measured on V8 and JavaScriptCore). */
const LOOP_COPY_MAX = 256;
const WORD_BYTES = 4;

/** Memory that is read into, whole words of it. */
export class ReadRoom {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.words = new Uint32Array(this.bytes.buffer);
  }
}

class Block extends ReadRoom {
  usedBytes = 0;
  /** Chunks that nobody has released. */
  chunksOut = 0;

  constructor() {
    super(BLOCK_BYTES);
  }
}

export class SmallChunks {
  readonly #isWritten: (memory: Uint8Array) => boolean;
  readonly #full: Block[] = [];
  /** All that were ever made. */
  readonly #known = new WeakSet<Uint8Array>();
  #block = this.#newBlock();

  /** `isWritten`: of the same adapter. */
  constructor(isWritten: (memory: Uint8Array) => boolean) {
    this.#isWritten = isWritten;
  }

  /** What the last copy lies in. */
  get bytes(): Uint8Array {
    return this.#block.bytes;
  }

  /**
   * Where in `bytes` a copy of the first `length` bytes of `room` begins, at most `SMALL_BYTES`, which nobody else has before it is
   * released. One that is kept for long keeps its whole block.
   */
  copy(room: ReadRoom, length: number): number {
    if (this.#block.usedBytes + length > BLOCK_BYTES) this.#nextBlock();
    const block = this.#block;
    const start = block.usedBytes;
    block.usedBytes = (start + length + WORD_BYTES - 1) & -WORD_BYTES;
    block.chunksOut++;
    if (length > LOOP_COPY_MAX) block.bytes.set(room.bytes.subarray(0, length), start);
    else copyWords(room.words, Math.ceil(length / WORD_BYTES), block.words, start / WORD_BYTES);
    return start;
  }

  /** Once for a chunk, by what it lies in. False: that was not made here. */
  release(bytes: Uint8Array): boolean {
    if (bytes === this.#block.bytes) {
      this.#block.chunksOut--;
      return true;
    }
    for (const block of this.#full) {
      if (bytes !== block.bytes) continue;
      block.chunksOut--;
      return true;
    }
    return this.#known.has(bytes);
  }

  #nextBlock(): void {
    this.#full.push(this.#block);
    const at = this.#full.findIndex(({ bytes, chunksOut }) => chunksOut === 0 && this.#isWritten(bytes));
    const [again] = at === -1 ? [] : this.#full.splice(at, 1);
    if (again !== undefined) again.usedBytes = 0;
    this.#block = again ?? this.#newBlock();
    if (this.#full.length > FULL_BLOCKS_MAX) this.#full.shift();
  }

  #newBlock(): Block {
    const block = new Block();
    this.#known.add(block.bytes);
    return block;
  }
}

function copyWords(from: Uint32Array, count: number, to: Uint32Array, at: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[i]!;
}
