/**
 * The end of a client connection after our FIN: the client gets the time to take what is queued, and what it still
 * sends is read for a while, because closing on unread bytes would reset the connection and it might lose our answer
 * (RFC 9112 section 9.6).
 */

import type { Limits, Timeouts } from "../limits.ts";
import { LINGER_BYTES_MAX, LINGER_MS } from "../limits.ts";
import type { Socket, SocketHandler } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";

export interface Patience {
  /** How long a client that takes nothing of the queue is waited for. */
  readonly sendIdleMs: number;
  /** Bytes it has to take in that time to go on. */
  readonly takenBytesMin: number;
}

export function patienceOf(limits: Limits, { sendIdleMs }: Timeouts): Patience {
  return { sendIdleMs, takenBytesMin: (limits.rateBytesPerSecondMin * sendIdleMs) / 1000 };
}

/** Whose socket it was. */
export interface FarewellOwner {
  readonly timers: Timers;
  onConnectionClosed(): void;
}

export class Farewell implements SocketHandler, TimerOwner {
  readonly #socket: Socket;
  readonly #owner: FarewellOwner;
  readonly #timer: Timer;
  readonly #patience: Patience;
  #receivedBytes = 0;
  #queuedAtCheck = 0;
  /** Until when it has the time to take of that. */
  #untilMs = 0;

  /** The FIN is on its way. From here on the socket is ours, `onConnectionClosed` comes once and last. */
  constructor(socket: Socket, owner: FarewellOwner, patience: Patience, hasClientEnded: boolean) {
    this.#socket = socket;
    this.#owner = owner;
    this.#timer = new Timer(this);
    this.#patience = patience;
    socket.handler = this;
    if (hasClientEnded && socket.queuedBytes === 0) {
      socket.destroy();
      return;
    }
    socket.resume();
    this.#giveTime();
  }

  onData(socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    this.#receivedBytes += end - start;
    socket.release(bytes);
    if (this.#receivedBytes > LINGER_BYTES_MAX) socket.pause();
  }

  onDrain(): void {}

  /** Both directions have ended: the socket closes by itself when the client has taken the rest. */
  onEnd(socket: Socket): void {
    if (socket.queuedBytes === 0) socket.destroy();
  }

  onClose(): void {
    this.#owner.timers.remove(this.#timer);
    this.#owner.onConnectionClosed();
  }

  onTimer(): void {
    const { queuedBytes } = this.#socket;
    const takenBytes = this.#queuedAtCheck - queuedBytes;
    if (queuedBytes > 0 && this.#owner.timers.nowMs < this.#untilMs) this.#waitOn();
    else if (takenBytes > 0 && (queuedBytes === 0 || takenBytes >= this.#patience.takenBytesMin)) this.#giveTime();
    // What is lost must not look like the end of the body.
    else if (queuedBytes > 0) this.#socket.reset();
    else this.#socket.destroy();
  }

  /** A client that still reads gets the time of any slow reader, for as long as it goes on. */
  #giveTime(): void {
    this.#queuedAtCheck = this.#socket.queuedBytes;
    const timeMs = this.#queuedAtCheck > 0 ? this.#patience.sendIdleMs : LINGER_MS;
    this.#untilMs = this.#owner.timers.nowMs + timeMs;
    this.#waitOn();
  }

  /** In small steps: nothing tells when the queue is empty, and from then on the client is not waited for so long. */
  #waitOn(): void {
    const { timers } = this.#owner;
    timers.set(this.#timer, Math.min(this.#untilMs - timers.nowMs, LINGER_MS));
  }
}
