import type { Address, Socket, SocketError, SocketHandler, TlsInfo } from "../core/runtime.ts";
import type { Seeded } from "./seeded.ts";
import { cut, type Segments } from "./segments.ts";
import type { SimClock } from "./sim-clock.ts";
import { POISON, POISON_RUN, type SimMemory } from "./sim-memory.ts";

/**
 * One end of a simulated connection, as unpleasant as a real one may be:
 *
 *   write → queue → [kernel, kernelBytesMax] ─latency, cut into segments→ inbox → onData
 *                                                                          └ only while resumed
 *
 * - bytes given to `write` are copied and overwritten with 0xDD, and so are released chunks, so that a reader of bytes
 *   it gave away is found out; a chunk that is released twice is, too (`sim-memory.ts`);
 * - a reset, or a close with unread bytes, destroys what the other side has not read yet, as kernels do;
 * - bytes that reach a closed socket are answered with a reset.
 */
export class SimSocket implements Socket {
  handler: SocketHandler = UNSET_HANDLER;
  readonly local: Address;
  readonly peer: Address;
  readonly tls: TlsInfo | null = null;
  readonly label: string;
  queuedBytes = 0;
  /** No more events but `onClose` will come. */
  closed = false;
  closeDelivered = false;

  readonly #network: SimNetwork;
  /** Null at a peer of the code under test. */
  readonly #memory: SimMemory | null;
  readonly #options: SimSocketOptions;
  #partner: SimSocket | null = null;
  #queue: Uint8Array[] = [];
  #kernelBytes = 0;
  #position = 0;
  #lastArrivalAt = 0;
  #owesDrain = false;
  #endRequested = false;
  #finSent = false;
  #closesAtEnd = false;
  #inbox: Uint8Array[] = [];
  #finArrived = false;
  #endDelivered = false;
  #paused = true;
  #pumpScheduled = false;
  #resetUnnoticed = false;

  constructor(network: SimNetwork, options: SimSocketOptions) {
    this.#network = network;
    this.#memory = options.isCore ? network.memory : null;
    this.#options = options;
    this.local = options.local;
    this.peer = options.peer;
    this.label = options.label;
  }

  static join(one: SimSocket, other: SimSocket): void {
    one.#partner = other;
    other.#partner = one;
  }

  get isUnset(): boolean {
    return this.handler === UNSET_HANDLER;
  }

  write(bytes: Uint8Array): boolean {
    const { isCore } = this.#options;
    if (isCore) this.#checkForPoison(bytes);
    // Only of the code under test is it asked whether it looks again at what it has given away.
    const copy = isCore ? bytes.slice() : bytes;
    if (isCore) bytes.fill(POISON);
    if (this.#resetUnnoticed) this.#close(RESET_BY_PEER);
    if (this.closed || this.#endRequested) return true;
    if (copy.length > 0) this.#queue.push(copy);
    this.queuedBytes += copy.length;
    this.#network.record(this.label, "write", copy.length);
    if (this.#network.writesAreEager) this.#flush();
    else this.#network.clock.deliver(0, () => this.#flush());
    if (this.queuedBytes < this.#options.highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes.subarray(start, end));
  }

  writeMore(bytes: Uint8Array, start: number, end: number): void {
    this.writeRange(bytes, start, end);
  }

  release(bytes: Uint8Array): void {
    this.#memory?.release(bytes);
  }

  end(): void {
    if (this.closed || this.#endRequested) return;
    this.#endRequested = true;
    this.#network.record(this.label, "end", this.queuedBytes);
    this.#flush();
  }

  endAndClose(): boolean {
    this.#closesAtEnd = true;
    this.end();
    if (this.#finSent) this.destroy();
    return this.#finSent;
  }

  destroy(): void {
    if (this.closed) return;
    this.#network.record(this.label, "destroy", this.#inbox.length);
    if (this.#inbox.length > 0) this.#sendReset();
    else if (!this.#finSent) this.#sendFin();
    this.#close(null);
  }

  reset(): void {
    if (this.closed) return;
    if (!this.#network.canReset) {
      this.destroy();
      return;
    }
    this.#network.record(this.label, "reset", 0);
    this.#sendReset();
    this.#close(null);
  }

  pause(): void {
    this.#paused = true;
  }

  restReading(): boolean {
    const { restsReading } = this.#network;
    if (restsReading) this.#paused = true;
    return restsReading;
  }

  resume(): void {
    if (this.closed) return;
    this.#paused = false;
    if (this.#resetUnnoticed) this.#close(RESET_BY_PEER);
    else this.#schedulePump(0);
  }

  /** Moves what fits from the queue into the kernel. */
  #flush(): void {
    if (this.closed) return;
    const partner = this.#partner as SimSocket;
    let taken = 0;
    while (taken < this.#queue.length && this.#kernelBytes < this.#network.kernelBytesMax) {
      let bytes = this.#queue[taken] as Uint8Array;
      const room = this.#network.kernelBytesMax - this.#kernelBytes;
      if (bytes.length > room) {
        this.#queue[taken] = bytes.subarray(room);
        bytes = bytes.subarray(0, room);
      } else taken++;
      this.queuedBytes -= bytes.length;
      for (const piece of cut(bytes, this.#position, this.#options.segments, this.#network.random)) {
        this.#kernelBytes += piece.length;
        this.#network.clock.deliverAt(this.#nextArrival(), () => partner.#receive(piece));
      }
      this.#position += bytes.length;
    }
    if (taken > 0) this.#queue.splice(0, taken);
    if (this.#owesDrain && this.queuedBytes <= this.#options.highWaterBytes / 2) {
      this.#owesDrain = false;
      this.#network.clock.deliver(0, () => {
        if (!this.closed) this.handler.onDrain(this);
      });
    }
    if (this.#endRequested && !this.#finSent && this.#queue.length === 0) {
      this.#sendFin();
      if (this.#closesAtEnd) this.destroy();
      else this.#maybeClose();
    }
  }

  #nextArrival(): number {
    this.#lastArrivalAt = Math.max(this.#lastArrivalAt, this.#network.clock.now() + this.#network.latencyMs());
    return this.#lastArrivalAt;
  }

  #sendFin(): void {
    const partner = this.#partner as SimSocket;
    this.#finSent = true;
    this.#network.clock.deliverAt(this.#nextArrival(), () => {
      if (partner.closed) return;
      partner.#finArrived = true;
      partner.#arrived();
    });
  }

  #sendReset(): void {
    const partner = this.#partner as SimSocket;
    this.#network.clock.deliverAt(this.#nextArrival(), () => partner.#receiveReset());
  }

  #receive(piece: Uint8Array): void {
    if (this.closed) this.#sendReset();
    else {
      this.#inbox.push(piece);
      this.#arrived();
    }
  }

  #arrived(): void {
    if (this.#options.readLagMs === 0) this.#pump();
    else this.#schedulePump(this.#options.readLagMs);
  }

  #receiveReset(): void {
    if (this.closed) return;
    this.#inbox = [];
    this.#queue = [];
    this.queuedBytes = 0;
    if (this.#paused && !this.#network.noticesResetWhilePaused) this.#resetUnnoticed = true;
    else this.#close(RESET_BY_PEER);
  }

  #schedulePump(afterMs: number): void {
    if (this.#pumpScheduled || this.#paused) return;
    this.#pumpScheduled = true;
    this.#network.clock.deliver(afterMs, () => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const partner = this.#partner as SimSocket;
    const pieces = this.#inbox;
    let read = 0;
    while (!this.closed && !this.#paused && read < pieces.length) {
      const piece = pieces[read++] as Uint8Array;
      partner.#kernelBytes -= piece.length;
      this.#network.record(this.label, "data", piece.length);
      // Unread pieces must stay visible to destroy(), which answers them with a reset.
      this.#inbox = read < pieces.length ? pieces : [];
      // Only of the code under test is it asked what it does with memory; its peers get what was copied when it was written.
      const { bytes, start } = this.#memory?.deliver(piece) ?? { bytes: piece, start: 0 };
      this.handler.onData(this, bytes, start, start + piece.length);
    }
    if (!this.closed && read > 0) this.#inbox = pieces.slice(read);
    if (read > 0 && partner.#queue.length > 0) {
      this.#network.clock.deliver(this.#network.latencyMs(), () => partner.#flush());
    }
    if (this.closed || this.#paused || this.#inbox.length > 0) return;
    if (this.#finArrived && !this.#endDelivered) {
      this.#endDelivered = true;
      this.#network.record(this.label, "fin", 0);
      this.handler.onEnd(this);
      this.#maybeClose();
    }
  }

  #maybeClose(): void {
    if (!this.closed && this.#endDelivered && this.#finSent) this.#close(null);
  }

  #close(error: SocketError | null): void {
    this.closed = true;
    this.#resetUnnoticed = false;
    this.#queue = [];
    this.#inbox = [];
    this.queuedBytes = 0;
    this.#network.clock.deliver(0, () => {
      this.closeDelivered = true;
      this.#network.record(this.label, error === null ? "closed" : "closed-by-reset", 0);
      this.#network.forget(this);
      this.handler.onClose(this, error);
    });
  }

  #checkForPoison(bytes: Uint8Array): void {
    // Most have none, which is found out at once: a run covers one of as many places in a row.
    let at = POISON_RUN - 1;
    while (at < bytes.length && bytes[at] !== POISON) at += POISON_RUN;
    if (at >= bytes.length) return;
    let run = 0;
    for (const byte of bytes) {
      run = byte === POISON ? run + 1 : 0;
      if (run < POISON_RUN) continue;
      this.#network.violate(`${this.label}: writes bytes that were given away by an earlier write`);
      return;
    }
  }
}

/** What the sockets of one simulation share. */
export interface SimNetwork {
  readonly clock: SimClock;
  readonly random: Seeded;
  readonly kernelBytesMax: number;
  readonly writesAreEager: boolean;
  readonly canReset: boolean;
  readonly noticesResetWhilePaused: boolean;
  readonly restsReading: boolean;
  /** Of all ends held by the code under test. */
  readonly memory: SimMemory;
  latencyMs(): number;
  record(label: string, what: string, count: number): void;
  violate(what: string): void;
  forget(socket: SimSocket): void;
}

export interface SimSocketOptions {
  readonly label: string;
  readonly local: Address;
  readonly peer: Address;
  readonly highWaterBytes: number;
  /** How the bytes written here are cut on their way. */
  readonly segments: Segments;
  /** How long arrived bytes lie in the kernel before this end reads them. */
  readonly readLagMs: number;
  /** An end held by the code under test: ownership is enforced and leaks are counted. */
  readonly isCore: boolean;
}

const RESET_BY_PEER: SocketError = { code: "ECONNRESET", message: "simulated: reset by the peer" };

const UNSET_HANDLER: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
