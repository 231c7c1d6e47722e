/**
 * Bytes on their way to one socket. Small pieces (heads, chunk lines, short bodies) of a turn are merged into one
 * write; large bodies pass through without a copy. The only file that writes to sockets.
 *
 *     text/copy/piece ──► pending region of the slab ──flush──► socket.write
 *     piece (large)   ──────────────────────────────► socket.writeMore(pending), socket.writeRange(piece)
 */

import type { Socket } from "../runtime.ts";
import type { Slab } from "./slab.ts";
import { copyBytes, writeLatin1 } from "./text.ts";

/** Up to here copying a body piece behind its head is cheaper than a second buffer in the system call. */
const MERGE_BYTES_MAX = 4 * 1024;
const NOTHING = new Uint8Array(0);

/** Something that writes itself, because it knows best how. */
export interface SelfWriter {
  readonly length: number;
  /** Answers where it ended. */
  writeTo(target: Uint8Array, at: number): number;
}

export class Outbox {
  #socket: Socket | null = null;
  #slab: Slab | null = null;
  // The pending region: bytes[#start, #end). While #end equals slab.used it can grow in place.
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** The queue is above the high mark: whoever feeds this outbox has to wait for the socket's `onDrain`. */
  isBlocked = false;
  /** Bytes handed to the socket so far, for logs and rates. */
  writtenBytes = 0;

  /** What comes from here on is for this socket. Nothing is pending. */
  goTo(socket: Socket, slab: Slab): void {
    this.#socket = socket;
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#start = 0;
    this.#end = 0;
    this.isBlocked = false;
    this.writtenBytes = 0;
  }

  /** Nothing is written before the next `goTo`, and nothing kept alive. */
  leave(): void {
    this.#socket = null;
    this.#slab = null;
    this.#bytes = NOTHING;
  }

  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Latin1 text. */
  text(text: string): void {
    this.#reserve(text.length);
    this.#end = writeLatin1(text, this.#bytes, this.#end);
    this.#grew(text.length);
  }

  /** A copy of `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    this.#end = copyBytes(source, start, end, this.#bytes, this.#end);
    this.#grew(end - start);
  }

  /** What `writer` writes, all of it at once. */
  block(writer: SelfWriter): void {
    this.#reserve(writer.length);
    this.#end = writer.writeTo(this.#bytes, this.#end);
    this.#grew(writer.length);
  }

  /** `bytes[start, end)` now belongs to this outbox; large pieces are not copied and go out at once. */
  piece(bytes: Uint8Array, start: number, end: number): void {
    if (end - start <= MERGE_BYTES_MAX) {
      this.copy(bytes, start, end);
      return;
    }
    const socket = this.#socket!;
    this.writtenBytes += this.pendingBytes + end - start;
    if (this.#start < this.#end) socket.writeMore(this.#bytes, this.#start, this.#end);
    const accepted = socket.writeRange(bytes, start, end);
    this.#handedOver();
    if (!accepted) this.isBlocked = true;
  }

  /** Sends what is pending. Called at the end of every turn that may have left something. */
  flush(): void {
    if (this.#start === this.#end) return;
    this.writtenBytes += this.#end - this.#start;
    const accepted = this.#socket!.writeRange(this.#bytes, this.#start, this.#end);
    this.#handedOver();
    if (!accepted) this.isBlocked = true;
  }

  /** The socket's `onDrain`. */
  drained(): void {
    this.isBlocked = false;
  }

  /** Sends what is pending, then FIN. */
  end(): void {
    this.flush();
    this.#socket!.end();
  }

  /** The same, and closes without waiting for the other side's FIN: true when that is done. */
  endAndClose(): boolean {
    this.flush();
    return this.#socket!.endAndClose();
  }

  #grew(length: number): void {
    const slab = this.#slab!;
    slab.used = this.#end;
    slab.pendingBytes += length;
  }

  /** Nothing is pending any more. */
  #handedOver(): void {
    const slab = this.#slab!;
    if (this.#bytes === slab.bytes) slab.pendingBytes -= this.#end - this.#start;
    this.#start = this.#end;
  }

  #reserve(length: number): void {
    const slab = this.#slab!;
    const pending = this.#end - this.#start;
    if (this.#bytes === slab.bytes && this.#end === slab.used && this.#end + length <= this.#bytes.length) return;
    // Another outbox wrote behind our region, or the block is full: the region moves to where it can grow.
    if (this.#bytes === slab.bytes) slab.pendingBytes -= pending;
    slab.reserve(pending + length);
    const start = slab.used;
    const end = copyBytes(this.#bytes, this.#start, this.#end, slab.bytes, start);
    slab.pendingBytes += pending;
    this.#bytes = slab.bytes;
    this.#start = start;
    this.#end = end;
    slab.used = end;
  }
}
