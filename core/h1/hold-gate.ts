/** Pauses a socket while anybody holds it, and resumes it when the last one lets go. */

import type { Socket } from "../runtime.ts";

export class HoldGate {
  readonly #socket: Socket;
  /** One bit for each reason. */
  #held = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  hold(reason: number): void {
    if (this.#held === 0) this.#socket.pause();
    this.#held |= reason;
  }

  /** `release`, which ends a rest of the socket, too. */
  wake(reason = 0): void {
    this.#held &= ~reason;
    if (this.#held === 0) this.#socket.resume();
  }

  release(reason: number): void {
    if ((this.#held & reason) === 0) return;
    this.#held &= ~reason;
    if (this.#held === 0) this.#socket.resume();
  }
}
