/**
 * The memory Deno reads into, which is what this runtime makes us manage:
 *
 *   small reads  → copied out (`small-chunks.ts`)
 *   large reads  → handed out as they are; reused once the owner released the chunk and every write of it is done
 *
 * An idle connection waits with a small buffer, and a bulk transfer goes round a few large ones.
 */
import { carve, SMALL_BYTES } from "./small-chunks.ts";

/** Larger reads were not faster on loopback. */
const READ_BYTES = 65536;
/** A chunk line fits before a full read, so that both can go out as one write. */
const LARGE_BYTES = READ_BYTES + 1024;
/** 4 MiB at most are kept for reuse. */
const FREE_MAX = 64;

export class LargeBuffer {
  readonly whole = new Uint8Array(LARGE_BYTES);
  readonly room = this.whole.subarray(0, READ_BYTES);
  /** Writes under way or queued that take their bytes from here. */
  writes = 0;
  isReleased = false;

  constructor() {
    bufferOf.set(this.whole.buffer, this);
  }

  giveBack(): void {
    if (!this.isReleased || this.writes > 0) return;
    this.isReleased = false;
    if (free.length < FREE_MAX) free.push(this);
  }
}

const free: LargeBuffer[] = [];
const bufferOf = new WeakMap<ArrayBufferLike, LargeBuffer>();

export function takeLarge(): LargeBuffer {
  return free.pop() ?? new LargeBuffer();
}

/** The owner of `bytes` is done with the whole chunk. */
export function release(bytes: Uint8Array): void {
  const buffer = bufferOf.get(bytes.buffer);
  if (buffer === undefined) return;
  buffer.isReleased = true;
  buffer.giveBack();
}

/** `bytes` are about to be written. */
export function hold(bytes: Uint8Array): void {
  const buffer = bufferOf.get(bytes.buffer);
  if (buffer !== undefined) buffer.writes += 1;
}

/** `bytes` are written, or copied. */
export function letGo(bytes: Uint8Array): void {
  const buffer = bufferOf.get(bytes.buffer);
  if (buffer === undefined) return;
  buffer.writes -= 1;
  buffer.giveBack();
}

/** Whether pieces of this length together are worth a copy to save a system call. */
export function isJoinable(length: number): boolean {
  return length <= LARGE_BYTES;
}

/** The pieces as one, held for its write; they themselves are let go. */
export function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = length <= SMALL_BYTES ? carve(length) : scratch(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
    letGo(piece);
  }
  return whole;
}

function scratch(length: number): Uint8Array {
  const buffer = takeLarge();
  buffer.isReleased = true;
  buffer.writes = 1;
  return buffer.whole.subarray(0, length);
}
