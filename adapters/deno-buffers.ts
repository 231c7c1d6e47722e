/**
 * The memory Deno reads into, which is what this runtime makes us manage:
 *
 *   small reads  → copied out (`small-chunks.ts`)
 *   large reads  → handed out as they are; reused once the owner released the chunk and every write of it is done
 *
 * An idle connection waits with a small buffer, and a bulk transfer goes round a few large ones. What is read at once
 * behind a small read is mostly written before the next connection's turn, so it is the same large one all the time.
 */
import { sendWaiting } from "./late-writes.ts";
import { ReadRoom, SMALL_BYTES } from "./small-chunks.ts";

/** Larger reads were not faster on loopback. */
const READ_BYTES = 65536;
/** A small read fits before a full one, and a chunk line before both, so that all can go out as one write. */
const LARGE_BYTES = SMALL_BYTES + READ_BYTES + 1024;
/** 4 MiB at most are kept for reuse. */
const FREE_MAX = 64;

/** Memory that is written from. */
class Source {
  /** Under way or queued. */
  writes = 0;

  constructor(memory: ArrayBufferLike) {
    sourceOf.set(memory, this);
  }

  giveBack(): void {}
}

export class LargeBuffer extends Source {
  readonly whole: ReadRoom;
  readonly room: Uint8Array;
  isReleased = false;

  constructor() {
    const whole = new ReadRoom(LARGE_BYTES);
    super(whole.bytes.buffer);
    this.whole = whole;
    this.room = whole.bytes.subarray(0, READ_BYTES);
  }

  override giveBack(): void {
    if (!this.isReleased || this.writes > 0) return;
    this.isReleased = false;
    if (free.length < FREE_MAX) free.push(this);
  }
}

const free: LargeBuffer[] = [];
const sourceOf = new WeakMap<ArrayBufferLike, Source>();

export function takeLarge(): LargeBuffer {
  return free.pop() ?? new LargeBuffer();
}

const freeSmall: ReadRoom[] = [];

export function takeSmall(): ReadRoom {
  return freeSmall.pop() ?? new ReadRoom(SMALL_BYTES);
}

/** Nothing of it is looked at any more, and no read is under way into it. */
export function giveSmall(small: ReadRoom): void {
  if (freeSmall.length < FREE_MAX) freeSmall.push(small);
}

/** The owner of `bytes` is done with the whole chunk. */
export function release(bytes: Uint8Array): void {
  const buffer = sourceOf.get(bytes.buffer);
  if (!(buffer instanceof LargeBuffer)) return;
  buffer.isReleased = true;
  buffer.giveBack();
}

/** `bytes` are about to be written. */
export function keepMemory(bytes: Uint8Array): void {
  const memory = bytes.buffer;
  const source = sourceOf.get(memory) ?? new Source(memory);
  source.writes += 1;
}

/** `bytes` are written, or copied. */
export function letGoOfMemory(bytes: Uint8Array): void {
  const source = sourceOf.get(bytes.buffer);
  if (source === undefined) return;
  source.writes -= 1;
  source.giveBack();
}

/** See `Runtime.isWritten`. A write that a close cut short counts for ever: the kernel may still take its bytes. */
export function isWritten(memory: Uint8Array): boolean {
  if (!sendWaiting()) return false;
  const source = sourceOf.get(memory.buffer);
  return source === undefined || source.writes === 0;
}

/** Whether pieces of this length together are worth a copy to save a system call. */
export function isJoinable(length: number): boolean {
  return length <= LARGE_BYTES;
}

/** The pieces as one, held for its write; they themselves are let go. */
export function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = length <= SMALL_BYTES ? new Uint8Array(length) : scratch(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
    letGoOfMemory(piece);
  }
  return whole;
}

/** Of a queue, small pieces as one. */
export function takeNext(queue: Uint8Array[]): Uint8Array | null {
  if (queue.length < 2) return queue.pop() ?? null;
  let count = 0;
  let length = 0;
  while (count < queue.length && isJoinable(length + queue[count]!.length)) {
    length += queue[count]!.length;
    count += 1;
  }
  return count < 2 ? (queue.shift() as Uint8Array) : join(queue.splice(0, count), length);
}

function scratch(length: number): Uint8Array {
  const buffer = takeLarge();
  buffer.isReleased = true;
  buffer.writes = 1;
  return buffer.whole.bytes.subarray(0, length);
}
