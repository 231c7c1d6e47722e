/**
 * Small writes of one turn of the event loop, sent together at its end. Reading, our code and writing each fill the caches of
 * a core; taking turns with every request they evict each other, together they don't: 11 percent of the CPU time of a
 * small request on 64 connections (Node 24, median of 11 rounds side by side). A turn with a single write would only pay
 * for the end of the turn, 10 percent: while turns are like that, writes go out at once, and one in some is a probe.
 */

// Deno's own timers are numbers.
import { setTimeout } from "node:timers";
import type { SocketError, SocketHandler, TlsInfo } from "../core/runtime.ts";
import { Range } from "./range.ts";
import type { RingWriter, SendRing } from "./send-ring.ts";

/** Who has something to send at the end of the turn. */
export interface LateWriter extends RingWriter {
  sendLate(): void;
  /** Adds what is to be sent, if there is a descriptor for it. `sendLate` follows in any case. */
  addTo(ring: SendRing): void;
}

/** Up to here a write may wait: a head, and a body of a few lines with it. */
const LATE_BYTES_MAX = 4096;
/** So many are sent at once, so that the first of a large turn does not wait for the last. */
const WAITING_MAX = 32;
/** A turn with fewer is a lone one; after so many of those in a row nothing waits, and one write in PROBE_EVERY probes. */
const TOGETHER_MIN = 4;
const LONE_TURNS_MAX = 16;
// A prime: with turns of eight, every 32nd write would always be the last of its turn.
const PROBE_EVERY = 31;

const waiting: (LateWriter | null)[] = new Array(WAITING_MAX).fill(null);
let count = 0;
let writesOfTurn = 0;
let isTurnOpen = false;
let loneTurns = 0;
let sinceProbe = 0;

/** Whether a write should wait now, as far as the last turns tell. */
export function paysToWait(): boolean {
  if (loneTurns < LONE_TURNS_MAX) return true;
  sinceProbe = (sinceProbe + 1) % PROBE_EVERY;
  return isTurnOpen || sinceProbe === 0;
}

export function sendLater(writer: LateWriter): void {
  waiting[count++] = writer;
  writesOfTurn++;
  openTurn();
  if (count === WAITING_MAX) sendWaiting();
}

function openTurn(): void {
  if (isTurnOpen) return;
  isTurnOpen = true;
  // Immediates run behind the reads of a turn, before the loop waits again.
  setImmediate(endTurn);
}

/** For whoever turns by itself: small writes that wait from here on are sent by `endTurn`. */
export function beginTurn(): void {
  isTurnOpen = true;
}

export function endTurn(): void {
  isTurnOpen = false;
  loneTurns = writesOfTurn < TOGETHER_MIN ? loneTurns + 1 : 0;
  writesOfTurn = 0;
  sendWaiting();
}

let ring: SendRing | null = null;

/** From here on several go by one system call. */
export function sendThrough(opened: SendRing | null): void {
  ring = opened;
}

/** Opening one takes some milliseconds, which neither the start nor the first requests should wait for. */
const RING_DELAY_MS = 100;
let isRingOpening = false;

/** Once in a process; null where there is none. */
export function openRingSoon(open: (entriesMax: number) => SendRing | null): void {
  if (isRingOpening) return;
  isRingOpening = true;
  setTimeout(() => sendThrough(open(WAITING_MAX)), RING_DELAY_MS).unref();
}

let isSending = false;

/** Everything that waits goes out now. False from within: then some of it is still to go. */
export function sendWaiting(): boolean {
  if (isSending) return false;
  isSending = true;
  let next = 0;
  try {
    if (count > 1) sendTogether();
    while (next < count) {
      const writer = waiting[next]!;
      waiting[next++] = null;
      writer.sendLate();
    }
  } finally {
    isSending = false;
    // A writer that throws is our mistake, and not that of those behind it.
    waiting.copyWithin(0, next, count);
    count -= next;
    if (count > 0) openTurn();
  }
  return true;
}

/** Or what the kernel takes of them; the rest is still late. */
function sendTogether(): void {
  if (ring === null) return;
  for (let i = 0; i < count; i++) waiting[i]!.addTo(ring);
  ring.send();
}

const UNOWNED: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
const first = new Range();
const second = new Range();

/** A socket whose small writes wait. Whatever comes behind one of them calls `sendLate` first. */
export abstract class LateSender implements LateWriter {
  handler: SocketHandler = UNOWNED;
  readonly tls: TlsInfo | null = null;
  /** Of a write that has failed, until it closes: whoever reads gets what the peer had sent before it, and then this. */
  writeError: SocketError | null = null;
  /** Nothing more may be written. */
  abstract finished: boolean;
  /** What the kernel was offered and has not taken. */
  abstract readonly unsentBytes: number;
  #late: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  /** The ring has not answered yet. Who wrote, had it sent and wrote again waits twice. */
  #isAdded = false;

  /** As `writeRange`, at once. Not after `finished`, and not for nothing. */
  abstract sendNow(bytes: Uint8Array, start: number, end: number): boolean;
  /** The same of two pieces. */
  abstract sendBoth(first: Range, second: Range): boolean;

  abstract destroy(): void;

  /** Where a ring may send; -1 for nowhere. */
  get descriptor(): number {
    return -1;
  }

  get queuedBytes(): number {
    // Something was not taken, and never will be: 0 would say that all was sent.
    if (this.writeError !== null) return 1;
    return this.unsentBytes + (this.#late === null ? 0 : this.#end - this.#start);
  }

  write(bytes: Uint8Array): boolean {
    return this.writeRange(bytes, 0, bytes.length);
  }

  writeMore(bytes: Uint8Array, start: number, end: number): void {
    if (this.finished || end === start) return;
    this.sendLate();
    this.#late = bytes;
    this.#start = start;
    this.#end = end;
  }

  writeRange(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.finished) return true;
    const late = this.#late;
    if (end === start) {
      this.sendLate();
      return true;
    }
    if (late !== null) {
      this.#late = null;
      first.set(late, this.#start, this.#end);
      second.set(bytes, start, end);
      return this.sendBoth(first, second);
    }
    if (end - start > LATE_BYTES_MAX || this.unsentBytes > 0 || !paysToWait()) return this.sendNow(bytes, start, end);
    this.#late = bytes;
    this.#start = start;
    this.#end = end;
    sendLater(this);
    return true;
  }

  /** What was to wait for the end of the turn goes out now. */
  sendLate(): void {
    const late = this.#late;
    if (late === null) return;
    this.#late = null;
    // It has waited for nothing. (A new connection for each request on Node 24: 0.976 of its CPU time, 4 starts of both.)
    if (!isSending) writesOfTurn--;
    if (!this.finished) this.sendNow(late, this.#start, this.#end);
  }

  addTo(ring: SendRing): void {
    const late = this.#late;
    if (late === null || this.finished || this.#isAdded) return;
    const { descriptor } = this;
    if (descriptor < 0) return;
    this.#isAdded = true;
    ring.add(this, descriptor, late, this.#start, this.#end);
  }

  taken(count: number): void {
    this.#isAdded = false;
    this.#start += count;
    if (this.#start === this.#end) this.#late = null;
  }

  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.thrown(error);
    }
  }

  /** A throw in a handler is our bug: this socket dies, others live, and the process's policy for uncaught errors decides. */
  thrown(error: unknown): void {
    this.destroy();
    queueMicrotask(() => {
      throw error;
    });
  }
}
