/**
 * Node and Bun are not told that accepting fails for lack of descriptors: libuv closes whoever waits by a descriptor that it
 * spares for that, and Bun's loop is woken by the queue again and again without an end (Bun 1.4, a processor is busy for it).
 * So one is opened now and then: what has become of that says it. For Bun one is spared here, too.
 */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { SocketError } from "../core/runtime.ts";
import { toSocketError } from "./socket-error.ts";

/** Some 20 µs of CPU time each, on Node and Bun. */
const LOOK_MS = 500;
/** Where one is spared, and accepting has failed: so long the loop may be busy. */
const LACKING_LOOK_MS = 20;
/** Long enough for the loop to accept all who wait. */
const GIVEN_UP_MS = 2;

export class DescriptorWatch {
  readonly #spares: boolean;
  readonly #told = new Set<(error: SocketError) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #spare: number | null = null;
  #isGivenUp = false;

  /** `spares`: one descriptor is held to be given up when there is no other. */
  constructor(spares: boolean) {
    this.#spares = spares;
  }

  /** Until the answer is called, `told` hears at each look that no descriptor is left. */
  add(told: (error: SocketError) => void): () => void {
    this.#told.add(told);
    if (this.#told.size === 1) {
      this.#takeSpare();
      this.#lookIn(LOOK_MS);
    }
    return () => {
      if (!this.#told.delete(told) || this.#told.size > 0) return;
      clearTimeout(this.#timer);
      this.#dropSpare();
      this.#isGivenUp = false;
    };
  }

  /**
   * To be asked for each connection. It has the last descriptor, the spare one that was given up: it is to be closed at once,
   * so that the next one in the queue comes to it, and none is left to wake the loop.
   */
  get hasLast(): boolean {
    return this.#isGivenUp && this.#takeSpare() !== null;
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    const error = this.#takeSpare() ?? lack();
    if (error === null) {
      this.#lookIn(LOOK_MS);
      return;
    }
    if (this.#spares) this.#giveUp();
    else this.#lookIn(LOOK_MS);
    // Last: should one throw, the watch goes on all the same.
    for (const told of this.#told) told(error);
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#dropSpare();
    this.#timer = setTimeout(() => {
      this.#takeSpare();
      this.#lookIn(LACKING_LOOK_MS);
    }, GIVEN_UP_MS);
    this.#timer.unref();
  }

  /** Null unless none is left for it. */
  #takeSpare(): SocketError | null {
    if (!this.#spares || this.#spare !== null) return null;
    try {
      this.#spare = openSync(devNull, "r");
      this.#isGivenUp = false;
      return null;
    } catch (error) {
      return lackIn(error);
    }
  }

  #dropSpare(): void {
    if (this.#spare !== null) closeSync(this.#spare);
    this.#spare = null;
  }
}

function lack(): SocketError | null {
  try {
    closeSync(openSync(devNull, "r"));
    return null;
  } catch (error) {
    return lackIn(error);
  }
}

/** Null for all else: it may be forbidden, or missing. */
function lackIn(error: unknown): SocketError | null {
  const failure = toSocketError(error);
  return failure.code === "EMFILE" || failure.code === "ENFILE" ? failure : null;
}
