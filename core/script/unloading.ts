/**
 * Code of configurations that were replaced: told, once, when no request is on it any more, so that it can close what it
 * has opened.
 */

import { UNLOAD_MS } from "../limits.ts";
import type { HookFailure, Notice } from "../observe/events.ts";
import { Timer, type Timers } from "../time/timers.ts";

export type OnUnload = () => unknown;

interface Replaced {
  readonly code: OnUnload;
  isInUse(): boolean;
}

export class Unloading {
  readonly #notify: (notice: Notice) => void;
  readonly #timers: Timers;
  #replaced: Replaced[] = [];
  /** Told, and not heard of yet. */
  readonly #told = new Set<Promise<void>>();

  constructor({ notify, timers }: { notify(notice: Notice): void; readonly timers: Timers }) {
    this.#notify = notify;
    this.#timers = timers;
  }

  /** From now on nothing begins on it; `isInUse` says whether anything that began is still under way. */
  replace(code: OnUnload, isInUse: () => boolean): void {
    // One that came back meanwhile, and was refused, is still in use by those it was left to.
    if (this.#replaced.some((each) => each.code === code)) return;
    this.#replaced.push({ code, isInUse });
    this.check();
  }

  /** To be called now and then. */
  check(): void {
    if (this.#replaced.length === 0) return;
    const over = this.#replaced.filter((each) => !each.isInUse());
    if (over.length === 0) return;
    this.#replaced = this.#replaced.filter((each) => !over.includes(each));
    for (const { code } of over) this.#tell(code);
  }

  /** All is over: tells `current`, too, and waits for what they do, but not for long. */
  async end(current: OnUnload | null): Promise<void> {
    const codes = this.#replaced.map(({ code }) => code);
    this.#replaced = [];
    if (current !== null) codes.push(current);
    for (const code of codes) this.#tell(code);
    await Promise.all(this.#told);
  }

  #tell(code: OnUnload): void {
    const telling = this.#hear(code).finally(() => this.#told.delete(telling));
    this.#told.add(telling);
  }

  async #hear(code: OnUnload): Promise<void> {
    const late = Symbol("late");
    const deadline = new Timer({ onTimer: () => giveUp(late) });
    let giveUp: (what: typeof late) => void = () => {};
    const patience = new Promise<typeof late>((resolve) => {
      giveUp = resolve;
    });
    this.#timers.set(deadline, UNLOAD_MS);
    try {
      const ended = await Promise.race([code(), patience]);
      if (ended === late) this.#fail("timeout", new Error(`took longer than ${UNLOAD_MS} ms`));
    } catch (error) {
      this.#fail("threw", error);
    }
    this.#timers.remove(deadline);
  }

  #fail(failure: HookFailure, error: unknown): void {
    this.#notify({ kind: "hook-failed", hook: "onUnload", source: "", requestId: "", failure, error, rests: false });
  }
}
