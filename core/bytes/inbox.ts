/**
 * Bytes received and not consumed yet. A chunk that arrives on an empty inbox is only borrowed; bytes are copied
 * only when a head spans chunks or a pipelined request waits for its turn.
 *
 *     bytes: | consumed, or not ours | unread ........ | room, or not ours |
 *                                    start             end
 */

import { copyBytes } from "./text.ts";

const CAPACITY_MIN = 4 * 1024;
const NOTHING = new Uint8Array(0);

export class Inbox {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** Whether `bytes` is ours with room behind `end`, or a chunk as it came. */
  #isOwn = false;
  /** Something that is consumed lies in `bytes` and is still looked at: a head. */
  isKept = false;

  get length(): number {
    return this.end - this.start;
  }

  /**
   * Adds a chunk, `chunk[start, end)`. Answers by how much the unread bytes moved towards the front: offsets into
   * `bytes` that somebody kept are smaller by that much.
   */
  append(chunk: Uint8Array, start: number, end: number): number {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = start;
      this.end = end;
      this.#isOwn = false;
      this.isKept = false;
      return 0;
    }
    const moved = this.#makeRoom(end - start);
    this.end = copyBytes(chunk, start, end, this.bytes, this.end);
    return moved;
  }

  /** `bytes` is a chunk as it came. */
  get isBorrowed(): boolean {
    return !this.#isOwn && this.end > 0;
  }

  /** The chunk as it came, if nobody looks at it any more once all of it is consumed; else null. */
  get freeChunk(): Uint8Array | null {
    return this.isBorrowed && !this.isKept ? this.bytes : null;
  }

  /** Nobody looks at what is consumed any more. True: the chunk it lies in has more that is unread, and is free behind that. */
  endKept(): boolean {
    const hasMore = this.isKept && this.start < this.end;
    this.isKept = false;
    return hasMore;
  }

  /** Everything up to `position` is done with. An emptied inbox lets go of its memory. */
  consume(position: number): void {
    this.start = position;
    if (this.start === this.end) this.clear();
  }

  clear(): void {
    this.bytes = NOTHING;
    this.start = 0;
    this.end = 0;
    this.#isOwn = false;
    this.isKept = false;
  }

  #makeRoom(length: number): number {
    if (this.#isOwn && this.end + length <= this.bytes.length) return 0;
    const unread = this.end - this.start;
    let capacity = CAPACITY_MIN;
    while (capacity < unread + length) capacity *= 2;
    const own = new Uint8Array(capacity);
    copyBytes(this.bytes, this.start, this.end, own, 0);
    const moved = this.start;
    this.bytes = own;
    this.start = 0;
    this.end = unread;
    this.#isOwn = true;
    this.isKept = false;
    return moved;
  }
}
