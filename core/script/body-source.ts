/**
 * A stream of the Web's kind, filled by somebody who has bytes when they come: what nobody reads yet waits here, within
 * a bound, and whoever fills it is told when more is wanted.
 */

import { STREAM_AHEAD_BYTES_MAX } from "../limits.ts";
import type { ReceivedStream } from "./hooks.ts";

/** Whoever fills it. Nothing is told after `end` was read, after `fail`, or after it was cancelled. */
export interface SourceOwner {
  /** Somebody reads, and finds less than there may wait. Maybe more often than once for a `push` that answered false. */
  onBodyWanted(): void;
  /** Nobody will read any more. */
  onBodyUnwanted(reason: unknown): void;
}

export class BodySource {
  readonly stream: ReceivedStream;
  readonly #owner: SourceOwner;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** A reader waits. */
  isWanted = false;
  #hasEnded = false;
  #isOver = false;

  constructor(owner: SourceOwner) {
    this.#owner = owner;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: (reason) => this.#cancel(reason),
      },
      { highWaterMark: 0 },
      // Adapters share no memory with other threads, which is all that the wider type allows for.
    ) as ReceivedStream;
  }

  /** Nothing is read from it any more, or could be. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** `bytes` are the reader's from here on. False: no more before `onBodyWanted`. */
  push(bytes: Uint8Array): boolean {
    if (this.#isOver || bytes.length === 0) return true;
    if (this.isWanted) {
      this.isWanted = false;
      this.#controller!.enqueue(bytes);
      return true;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    return this.#queuedBytes < STREAM_AHEAD_BYTES_MAX;
  }

  /** What nobody has read, taken back: whoever reads from here on is told `reason`. */
  takeBack(reason: unknown): Uint8Array[] {
    const left = this.#queue.splice(0);
    this.fail(reason);
    return left;
  }

  /** That was all. */
  end(): void {
    this.#hasEnded = true;
    if (!this.#isOver && this.isWanted) this.#close();
  }

  /** There will be no more, and what there was is not whole. */
  fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller!.error(reason);
  }

  #pull(): void {
    if (this.#isOver) return;
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#queuedBytes -= next.length;
      this.#controller!.enqueue(next);
    } else if (this.#hasEnded) {
      this.#close();
      return;
    } else {
      this.isWanted = true;
    }
    if (!this.#hasEnded && this.#queuedBytes < STREAM_AHEAD_BYTES_MAX) this.#owner.onBodyWanted();
  }

  #close(): void {
    this.#end();
    this.#controller!.close();
  }

  #cancel(reason: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#owner.onBodyUnwanted(reason);
  }

  /** Whoever reads waits for nobody any more. */
  #end(): void {
    this.#isOver = true;
    this.isWanted = false;
    this.#queue.length = 0;
  }
}
