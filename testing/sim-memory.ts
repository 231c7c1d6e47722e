/**
 * What simulated chunks are delivered in. As with adapters a chunk is a part of memory of which the rest is none of the reader's:
 * 0xDD lies around it, and in it once it was given back.
 */

export const POISON = 0xdd;
/** So many in a row are no accident; test data must not hold them. */
export const POISON_RUN = 8;

const AROUND_BYTES = 2 * POISON_RUN;
const BLOCK_BYTES = 2048;

interface Block {
  readonly bytes: Uint8Array;
  usedBytes: number;
  /** Chunks that nobody has given back. */
  chunksOut: number;
}

export class SimMemory {
  /** Chunks of several sockets lie in one block, which begins anew when all were given back. */
  readonly #isShared: boolean;
  #block: Block | null = null;
  readonly #blocks = new WeakMap<Uint8Array, Block>();

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** A copy of `piece`, and where in `bytes` it begins. */
  deliver(piece: Uint8Array): { readonly bytes: Uint8Array; readonly start: number } {
    const block = this.#blockFor(piece.length);
    const start = block.usedBytes + AROUND_BYTES;
    block.bytes.set(piece, start);
    block.usedBytes = start + piece.length;
    block.chunksOut++;
    return { bytes: block.bytes, start };
  }

  /** Throws where a chunk is given back that is not out. */
  release(bytes: Uint8Array): void {
    const block = this.#blocks.get(bytes);
    if (block === undefined) throw new Error("something was released that is no chunk");
    if (block.chunksOut === 0) throw new Error("a chunk was released twice");
    if (--block.chunksOut > 0) return;
    block.usedBytes = 0;
    bytes.fill(POISON);
  }

  #blockFor(length: number): Block {
    const neededBytes = length + 2 * AROUND_BYTES;
    const last = this.#block;
    if (this.#isShared && last !== null && last.usedBytes + neededBytes <= last.bytes.length) return last;
    const bytes = new Uint8Array(this.#isShared ? Math.max(BLOCK_BYTES, neededBytes) : neededBytes).fill(POISON);
    this.#block = { bytes, usedBytes: 0, chunksOut: 0 };
    this.#blocks.set(bytes, this.#block);
    return this.#block;
  }
}
