/**
 * What of a request body is kept: pieces that came before there was a connection, and, as long as a second try is allowed, a
 * bounded copy of all, because what was written belongs to the adapter.
 */

import type { ReplayBudget } from "./replay-budget.ts";

const COPY_BYTES_MIN = 1024;

export class KeptBody {
  /** Came before there was a connection; the client is held meanwhile, so this is one turn's worth. */
  readonly #pending: Uint8Array[] = [];
  /** One buffer that doubles, however small the pieces are. Null: nothing is kept, or no longer. */
  #copy: Uint8Array | null;
  #copiedBytes = 0;
  readonly #replayBytesMax: number;
  readonly #budget: ReplayBudget;
  receivedBytes = 0;

  /** 0 keeps no copy. Who is done with the body must `forget` it. */
  constructor(replayBytesMax: number, budget: ReplayBudget) {
    this.#budget = budget;
    this.#replayBytesMax = replayBytesMax;
    this.#copy = replayBytesMax > 0 ? new Uint8Array(0) : null;
  }

  /** Whether everything received so far could be sent a second time. */
  get isReplayable(): boolean {
    return this.#copy !== null;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.#copy === null) return;
    const needed = this.#copiedBytes + end - start;
    if (needed > this.#replayBytesMax) {
      this.forget();
      return;
    }
    if (needed > this.#copy.length && !this.#grow(needed)) return;
    this.#copy.set(bytes.subarray(start, end), this.#copiedBytes);
    this.#copiedBytes = needed;
  }

  /** False: all copies together would take too much, and this one was given up. */
  #grow(needed: number): boolean {
    const copy = this.#copy!;
    const length = Math.min(Math.max(needed, 2 * copy.length, COPY_BYTES_MIN), this.#replayBytesMax);
    if (!this.#budget.take(length - copy.length)) {
      this.forget();
      return false;
    }
    this.#copy = new Uint8Array(length);
    this.#copy.set(copy.subarray(0, this.#copiedBytes));
    return true;
  }

  keep(bytes: Uint8Array): void {
    this.#pending.push(bytes);
  }

  /** What was kept for lack of a connection, once. */
  takePending(): Uint8Array[] {
    return this.#pending.splice(0);
  }

  /** Everything again, for another connection. */
  replay(): Uint8Array[] {
    if (this.#copy === null) throw new Error("a request body without a copy was to be sent again");
    this.#pending.length = 0;
    return this.#copiedBytes === 0 ? [] : [this.#copy.slice(0, this.#copiedBytes)];
  }

  /** No second try will be made. */
  forget(): void {
    if (this.#copy !== null) this.#budget.give(this.#copy.length);
    this.#copy = null;
  }
}
