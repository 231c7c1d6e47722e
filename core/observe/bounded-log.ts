/**
 * Lines of one kind, failures say, but never a flood: so many a second, then how many were left out. One log per kind:
 * what any client can cause must not hide what an upstream does.
 */

import { LOG_LINES_PER_SECOND_MAX } from "../limits.ts";

export class BoundedLog {
  readonly #write: (line: string) => void;
  readonly #kind: string;
  #windowEndsMs = 0;
  #lines = 0;
  #omitted = 0;

  /** `kind` says in the plural what is left out: `failures of upstreams`. */
  constructor(write: (line: string) => void, kind: string) {
    this.#write = write;
    this.#kind = kind;
  }

  /** `format` is called only when its line is written. `atMs` is wall clock time; when the clock jumps back a window only starts anew. */
  report(format: (atMs: number) => string, atMs: number): void {
    this.flush(atMs);
    if (this.#lines >= LOG_LINES_PER_SECOND_MAX) {
      this.#omitted++;
      return;
    }
    this.#lines++;
    this.#write(format(atMs));
  }

  /** At the end: says what was left out, whether or not its second is over. */
  close(atMs: number): void {
    this.#startWindow(atMs);
  }

  /** To be called once a second, so that the count of what was left out is not held back. */
  flush(atMs: number): void {
    if (atMs >= this.#windowEndsMs || atMs < this.#windowEndsMs - 1_000) this.#startWindow(atMs);
  }

  #startWindow(atMs: number): void {
    if (this.#omitted > 0) {
      this.#write(
        `${new Date(atMs).toISOString()} error ${this.#omitted} more ${this.#kind} within a second, not shown`,
      );
    }
    this.#windowEndsMs = atMs + 1_000;
    this.#lines = 0;
    this.#omitted = 0;
  }
}
