/** What hooks do that no client waits for, and how that ends when the proxy stops. */

import { UNLOAD_MS } from "../limits.ts";
import { Timer, type Timers } from "../time/timers.ts";

export class Background {
  readonly #timers: Timers;
  readonly #calls = new Set<{ abandon(): void }>();
  #onEmpty: () => void = () => {};
  /** Of hooks to upstreams, under way. */
  readonly requests = new Set<{ cut(): void }>();
  /** The proxy has stopped, and its clock stands: no deadline would end a request that begins now. */
  isOver = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** A call of `onFinish` that has not ended, and is given up by `abandon`. */
  add(call: { abandon(): void }): void {
    this.#calls.add(call);
  }

  /** It has ended, or was given up. */
  delete(call: { abandon(): void }): void {
    if (this.#calls.delete(call) && this.#calls.size === 0) this.#onEmpty();
  }

  /** No client is here any more. Calls have until their deadlines, but not for long; nobody wants what requests bring. */
  async end(): Promise<void> {
    if (this.#calls.size > 0) await this.#ended();
    this.isOver = true;
    for (const request of [...this.requests]) request.cut();
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => {
      const deadline = new Timer({
        onTimer: () => {
          for (const call of [...this.#calls]) call.abandon();
        },
      });
      this.#timers.set(deadline, UNLOAD_MS);
      this.#onEmpty = () => {
        this.#timers.remove(deadline);
        resolve();
      };
    });
  }
}
