/**
 * A client that has ended its own half of the connection may read on (`nc` does), or may be gone for good (a closed
 * browser tab): both send the same FIN. Whoever is gone answers what we send with a reset; so only a response that
 * stays silent has to be given up some time.
 */

import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { ResponseSender } from "./response-sender.ts";

export class SilenceWatch implements TimerOwner {
  readonly #sender: ResponseSender;
  readonly #timers: Timers;
  readonly #timer = new Timer(this);
  readonly #silenceMs: number;
  readonly #onSilent: () => void;
  #sentBytes: number;

  constructor(sender: ResponseSender, timers: Timers, silenceMs: number, onSilent: () => void) {
    this.#sender = sender;
    this.#timers = timers;
    this.#silenceMs = silenceMs;
    this.#onSilent = onSilent;
    this.#sentBytes = sender.sentBytes;
    timers.set(this.#timer, silenceMs);
  }

  onTimer(timer: Timer): void {
    const { isBlocked, sentBytes } = this.#sender;
    // A client that is behind is there, and watched by the sender.
    if (isBlocked || sentBytes !== this.#sentBytes) this.#timers.set(timer, this.#silenceMs);
    else this.#onSilent();
    this.#sentBytes = sentBytes;
  }

  stop(): void {
    this.#timers.remove(this.#timer);
  }
}
