/** One call of a mounted program: its answer or its failure, once, within a deadline. */

import { Timer, type TimerOwner } from "../time/timers.ts";
import type { PumpSurroundings } from "./body-pump.ts";
import type { HookFailure } from "./hook.ts";
import type { FetchHandler } from "./hooks.ts";
import { discardAnswer } from "./read-answer.ts";

export interface MountCallOwner {
  /** Whatever it was that it answered. */
  onMountAnswer(answer: unknown): void;
  onMountFailed(failure: HookFailure, error: unknown): void;
}

export class MountCall implements TimerOwner {
  readonly #owner: MountCallOwner;
  readonly #surroundings: PumpSurroundings;
  readonly #timeoutMs: number;
  readonly #timer: Timer;
  #isOver = false;

  constructor(owner: MountCallOwner, surroundings: PumpSurroundings, timeoutMs: number) {
    this.#owner = owner;
    this.#surroundings = surroundings;
    this.#timeoutMs = timeoutMs;
    this.#timer = new Timer(this);
  }

  begin(handler: FetchHandler, request: Request): void {
    this.#surroundings.timers.set(this.#timer, this.#timeoutMs);
    let answer: unknown;
    let isThere: boolean;
    try {
      answer = handler(request);
      isThere = answer instanceof Response;
    } catch (error) {
      this.#settle(() => this.#owner.onMountFailed("threw", error));
      return;
    }
    if (isThere) this.#settle(() => this.#owner.onMountAnswer(answer));
    else void this.#hear(answer);
  }

  /** Once, whatever it is that calls itself a promise. */
  async #hear(promise: unknown): Promise<void> {
    let answer: unknown;
    try {
      answer = await promise;
    } catch (error) {
      this.#settle(() => this.#owner.onMountFailed("threw", error));
      return;
    }
    if (this.#isOver) discardAnswer(answer);
    else this.#settle(() => this.#owner.onMountAnswer(answer));
  }

  /** The request goes on: what it has to answer is not all there yet. */
  postpone(): void {
    if (!this.#isOver) this.#surroundings.timers.set(this.#timer, this.#timeoutMs);
  }

  /** Nobody waits any more. */
  abandon(): void {
    this.#isOver = true;
    this.#surroundings.timers.remove(this.#timer);
  }

  onTimer(): void {
    this.#settle(() => this.#owner.onMountFailed("timeout", null));
  }

  #settle(tell: () => void): void {
    if (this.#isOver) return;
    this.abandon();
    try {
      tell();
    } catch (error) {
      this.#surroundings.reportDefect(error);
    }
  }
}
