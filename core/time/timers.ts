/**
 * All deadlines of the core, driven by one tick of the runtime.
 *
 * A wheel of slots, one tick wide each. A timer sits in the slot of the deadline it had when it was put there.
 * Almost every deadline is pushed back or cleared before it comes (each byte moves the idle timeout), so both only
 * change a number; the wheel finds out when it gets to the slot, and files the timer anew or lets go of it:
 *
 *     slot:   0    1    2    3  …  511
 *                  │         │
 *             timer⇄timer    timer        set(later), clear() = one store;  remove() = unlink
 */

import { TICK_MS } from "../limits.ts";

const SLOTS = 512;

/** A tick later than this means that we did not run, not that the peers were slow. */
const STALL_MS = 500;

/** Whatever has a deadline. `onTimer` may set or clear any timer, its own too. */
export interface TimerOwner {
  onTimer(timer: Timer): void;
}

/** What the wheel holds. Connections are it themselves: a timer apart would be one more object that is in no cache. */
export abstract class Timed {
  /** Milliseconds on the wheel's clock; 0 while not set. */
  deadlineMs = 0;
  // Links of the wheel's slot; `slot` is -1 while filed nowhere, `filedTick` the latest tick that visits it.
  slot = -1;
  filedTick = 0;
  next: Timed | null = null;
  previous: Timed | null = null;

  abstract onTimer(): void;
}

export class Timer extends Timed {
  readonly owner: TimerOwner;

  constructor(owner: TimerOwner) {
    super();
    this.owner = owner;
  }

  override onTimer(): void {
    this.owner.onTimer(this);
  }
}

export class Timers {
  /**
   * The time of the last tick: good enough for deadlines, free to read. In whole milliseconds, and so are deadlines: V8
   * keeps a fraction in an object of its own, which for a timer of a connection that rests is in no cache.
   */
  nowMs: number;
  /** When that was by the runtime's clock, in whole milliseconds, which cost nothing to remember. */
  tickedMs: number;
  readonly #slots: (Timed | null)[] = new Array(SLOTS).fill(null);
  readonly #due: Timed[] = [];
  #runtimeNowMs: number;
  #tick: number;

  constructor(nowMs: number) {
    this.nowMs = Math.floor(nowMs);
    this.tickedMs = Math.round(nowMs);
    this.#runtimeNowMs = this.nowMs;
    this.#tick = Math.floor(nowMs / TICK_MS);
  }

  /** (Re)starts `timer`: it fires `delayMs` from now, up to two ticks later. Infinity never fires. */
  set(timer: Timed, delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) {
      this.clear(timer);
      return;
    }
    // The last tick may lie up to one tick back: without that tick a timer could fire early.
    timer.deadlineMs = this.nowMs + TICK_MS + Math.ceil(delayMs);
    if (timer.slot !== -1) {
      if (timer.deadlineMs >= timer.filedTick * TICK_MS) return;
      this.#unlink(timer);
    }
    this.#file(timer);
  }

  /** It won't fire. The wheel may hold on to it, and so to its owner, for one turn. */
  clear(timer: Timed): void {
    timer.deadlineMs = 0;
  }

  /** It won't fire, and nothing holds on to it: for owners that go away. */
  remove(timer: Timed): void {
    timer.deadlineMs = 0;
    if (timer.slot !== -1) this.#unlink(timer);
  }

  /**
   * Moves the clock to the runtime's `nowMs` and fires what is due. Time in which this process did not run (stopped,
   * swapped out) is not charged to the peers: the clock moves by STALL_MS at most, so nothing expires en masse.
   */
  advance(nowMs: number): void {
    const wholeMs = Math.floor(nowMs);
    const passed = Math.min(Math.max(wholeMs - this.#runtimeNowMs, 0), STALL_MS);
    this.#runtimeNowMs = wholeMs;
    this.tickedMs = Math.round(nowMs);
    this.nowMs += passed;
    const target = Math.floor(this.nowMs / TICK_MS);
    while (this.#tick < target) {
      this.#tick++;
      this.#visit(this.#tick % SLOTS);
    }
  }

  #visit(slot: number): void {
    let timer = this.#slots[slot] ?? null;
    this.#slots[slot] = null;
    while (timer !== null) {
      const next: Timed | null = timer.next;
      timer.next = null;
      timer.previous = null;
      timer.slot = -1;
      if (timer.deadlineMs > this.nowMs) this.#file(timer);
      else this.#due.push(timer);
      timer = next;
    }
    const defects: unknown[] = [];
    // Only now, with the lists in order again: what fires may set or clear any other timer, due ones too.
    for (const due of this.#due) {
      if (due.slot !== -1 || due.deadlineMs === 0 || due.deadlineMs > this.nowMs) continue;
      due.deadlineMs = 0;
      try {
        due.onTimer();
      } catch (error) {
        // A defect of that one owner: the others still get their turn.
        defects.push(error);
      }
    }
    this.#due.length = 0;
    if (defects.length > 0) throw defects[0];
  }

  #file(timer: Timed): void {
    const tick = Math.max(Math.ceil(timer.deadlineMs / TICK_MS), this.#tick + 1);
    const slot = tick % SLOTS;
    const first = this.#slots[slot] ?? null;
    timer.slot = slot;
    timer.filedTick = tick;
    timer.previous = null;
    timer.next = first;
    if (first !== null) first.previous = timer;
    this.#slots[slot] = timer;
  }

  #unlink(timer: Timed): void {
    if (timer.previous !== null) timer.previous.next = timer.next;
    else this.#slots[timer.slot] = timer.next;
    if (timer.next !== null) timer.next.previous = timer.previous;
    timer.slot = -1;
    timer.next = null;
    timer.previous = null;
  }
}
