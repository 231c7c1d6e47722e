/** One call of a mounted program: its answer or its failure, once, within a deadline. */

import { HOOK_CALLS_HUNG_MAX } from "../limits.ts";
import type { HookFailure } from "../observe/events.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import type { PumpSurroundings } from "./body-pump.ts";
import type { FetchHandler } from "./hooks.ts";
import { discardAnswer } from "./read-answer.ts";

export interface MountCallOwner {
  /** Whatever it was that it answered. */
  onMountAnswer(answer: unknown): void;
  onMountFailed(failure: HookFailure, error: unknown): void;
}

/** Of each program, the calls that nobody waits for any more and that have not ended: each holds its request. */
const hungCalls = new WeakMap<FetchHandler, number>();

export class MountCall implements TimerOwner {
  readonly #owner: MountCallOwner;
  readonly #surroundings: PumpSurroundings;
  readonly #timeoutMs: number;
  readonly #timer: Timer;
  #isOver = false;
  /** Whose promise is waited for. */
  #asked: FetchHandler | null = null;

  constructor(owner: MountCallOwner, surroundings: PumpSurroundings, timeoutMs: number) {
    this.#owner = owner;
    this.#surroundings = surroundings;
    this.#timeoutMs = timeoutMs;
    this.#timer = new Timer(this);
  }

  begin(handler: FetchHandler, request: Request): void {
    if ((hungCalls.get(handler) ?? 0) >= HOOK_CALLS_HUNG_MAX) {
      const error = new Error(`it is not called while ${HOOK_CALLS_HUNG_MAX} calls of it hang; heed request.signal`);
      this.#settle(() => this.#owner.onMountFailed("timeout", error));
      return;
    }
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
    else void this.#hear(answer, handler);
  }

  /** Once, whatever it is that calls itself a promise. */
  async #hear(promise: unknown, handler: FetchHandler): Promise<void> {
    let answer: unknown;
    this.#asked = handler;
    try {
      answer = await promise;
      this.#ended(handler);
    } catch (error) {
      this.#ended(handler);
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

  #ended(handler: FetchHandler): void {
    this.#asked = null;
    if (this.#isOver) hungCalls.set(handler, (hungCalls.get(handler) ?? 0) - 1);
  }

  /** Nobody waits any more. */
  abandon(): void {
    const hangs = !this.#isOver && this.#asked !== null;
    if (hangs) hungCalls.set(this.#asked!, (hungCalls.get(this.#asked!) ?? 0) + 1);
    this.#isOver = true;
    this.#surroundings.timers.remove(this.#timer);
  }

  onTimer(): void {
    this.#settle(() => this.#owner.onMountFailed("timeout", new Error(`took longer than ${this.#timeoutMs} ms`)));
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
