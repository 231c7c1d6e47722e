/**
 * Reads a stream of the Web's kind and gives what it holds to somebody who takes bytes by calls:
 *
 *     start ─► read ─► onBodyBegins ─► onBodyPiece … ─► onBodyEnd
 *                            false: waits for `resume` ─┘      └─ any failure: onBodyFailed
 *
 * One read is under way at a time, and nothing is read while nobody takes it, so that one chunk is held at most. A stream
 * that always has more at once is read in promises alone, and would let nothing else happen: sockets and deadlines get
 * their turn in between.
 */

import { copyOf } from "../bytes/text.ts";
import { EMPTY_CHUNKS_MAX, STREAM_PIECE_BYTES_MAX, STREAM_TURN_MS_MAX } from "../limits.ts";
import type { HookFailure } from "../observe/events.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import { kindOf } from "./describe-value.ts";
import type { ByteStream } from "./hooks.ts";

/** Whoever takes the bytes. Nothing is told after the end, a failure, or `cancel`. */
export interface PumpOwner {
  /** First. `length` is that of the whole body when it came at once, else -1. */
  onBodyBegins(length: number): void;
  /** Memory of its own, the owner's from here on. False: nothing more before `resume`. */
  onBodyPiece(bytes: Uint8Array): boolean;
  /** Nothing more comes in this turn. */
  onBodyPause(): void;
  onBodyEnd(): void;
  /** A stream that stands still has failed, too. */
  onBodyFailed(failure: HookFailure, error: unknown): void;
}

export interface PumpSurroundings {
  readonly timers: Timers;
  /** Milliseconds of a clock that never jumps. */
  now(): number;
  reportDefect(error: unknown): void;
}

type ReadResult = { readonly done: boolean; readonly value?: unknown };

/** Turns of the promise queue in which a body that is all there is read to its end on every runtime. */
const LOOK_AHEAD_TURNS = 10;

export class BodyPump implements TimerOwner {
  readonly #reader: { read(): Promise<ReadResult>; cancel(reason?: unknown): Promise<void> };
  readonly #owner: PumpOwner;
  readonly #surroundings: PumpSurroundings;
  readonly #idleMs: number;
  #timer: Timer | null = null;
  #chunk: Uint8Array | null = null;
  /** What of `#chunk` is given already. */
  #at = 0;
  #next: Uint8Array | null = null;
  #emptyChunks = 0;
  #waits = false;
  #hasBegun = false;
  #isReading = false;
  #isBlocked = false;
  /** Whoever else has waited for long gets a turn first. */
  #isResting = false;
  #hasEnded = false;
  #isOver = false;

  /** Throws a TypeError when somebody else reads the stream. `idleMs` is how long a read may take. */
  constructor(stream: ByteStream, owner: PumpOwner, surroundings: PumpSurroundings, idleMs: number) {
    this.#reader = stream.getReader();
    this.#owner = owner;
    this.#surroundings = surroundings;
    this.#idleMs = idleMs;
  }

  /** A read is under way: whoever makes the stream is asked for more. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** `waits`: what the body begins with is of more interest than when, so that nothing is told before its first byte. */
  start(waits = false): void {
    this.#waits = waits;
    this.#read();
    if (!waits) this.#lookAhead();
  }

  /** Of one that `waits`: it begins now, if nothing has come yet. */
  waitNoLonger(): void {
    if (!this.#isOver && !this.#hasBegun && this.#chunk === null) this.#begin(-1);
  }

  /** The owner takes more. */
  resume(): void {
    if (!this.#isBlocked || this.#isOver) return;
    this.#isBlocked = false;
    this.#give();
  }

  /** Nothing more is wanted, and nothing more is told. */
  cancel(reason?: unknown): void {
    if (this.#isOver) return;
    this.#end();
    if (!this.#hasEnded) void this.#cancelReader(reason);
  }

  onTimer(): void {
    if (this.#isResting) {
      this.#isResting = false;
      this.#read();
      return;
    }
    this.#fail("timeout", new Error(`the body stood still for ${this.#idleMs} ms`));
  }

  #read(): void {
    this.#isReading = true;
    this.#timer ??= new Timer(this);
    this.#surroundings.timers.set(this.#timer, this.#idleMs);
    let answer: Promise<ReadResult>;
    try {
      answer = this.#reader.read();
    } catch (error) {
      this.#fail("threw", error);
      return;
    }
    void this.#hear(answer);
  }

  /** Once, whatever it is that calls itself a stream. */
  async #hear(answer: Promise<ReadResult>): Promise<void> {
    let done: boolean;
    let value: unknown;
    let length: number;
    try {
      ({ done, value } = await answer);
      // What is no chunk may throw when it is looked at.
      length = value instanceof Uint8Array ? value.length : -1;
    } catch (error) {
      this.#guard(() => this.#fail("threw", error));
      return;
    }
    this.#guard(() => this.#receive(done, value, length));
  }

  async #cancelReader(reason: unknown): Promise<void> {
    try {
      await this.#reader.cancel(reason);
    } catch {
      // Nobody wants to know any more.
    }
  }

  /** `length` is -1 for what is no chunk. */
  #receive(done: boolean, value: unknown, length: number): void {
    if (this.#isOver) return;
    this.#isReading = false;
    this.#surroundings.timers.clear(this.#timer!);
    if (done) {
      this.#hasEnded = true;
      if (!this.#hasBegun) this.#begin(this.#chunk === null ? 0 : this.#chunk.length);
      else this.#give();
      return;
    }
    if (length === -1) {
      this.#fail("nonsense", new TypeError(`a chunk of the body is ${kindOf(value)}; give Uint8Arrays`));
      return;
    }
    if (length === 0) {
      if (++this.#emptyChunks <= EMPTY_CHUNKS_MAX) this.#read();
      else this.#fail("nonsense", new TypeError(`the body holds more than ${EMPTY_CHUNKS_MAX} empty chunks in a row`));
      return;
    }
    this.#emptyChunks = 0;
    const isFirst = this.#chunk === null && !this.#hasBegun;
    // The second of all may come while the first is looked at, or not taken yet.
    if (this.#chunk === null) this.#chunk = value as Uint8Array;
    else this.#next = value as Uint8Array;
    if (isFirst) {
      this.#read();
      if (this.#waits) this.#lookAhead();
    } else if (this.#hasBegun) this.#give();
    else this.#begin(-1);
  }

  /** Is that all? Whoever has all of a body at once is read to the end within a few turns, and can be told its length. */
  #lookAhead(): void {
    let turns = LOOK_AHEAD_TURNS;
    const look = (): void => {
      if (this.#isOver || this.#hasBegun) return;
      if (turns-- > 0) void Promise.resolve().then(look);
      else this.#guard(() => this.#begin(-1));
    };
    look();
  }

  #begin(length: number): void {
    this.#hasBegun = true;
    this.#owner.onBodyBegins(length);
    this.#give();
  }

  #give(): void {
    while (this.#chunk !== null && !this.#isBlocked && !this.#isOver) {
      // A copy: the program may keep its chunk, or send it twice, and what is sent belongs to the adapter.
      const end = Math.min(this.#at + STREAM_PIECE_BYTES_MAX, this.#chunk.length);
      const piece = copyOf(this.#chunk, this.#at, end);
      this.#at = end;
      if (end >= this.#chunk.length) {
        this.#chunk = this.#next;
        this.#next = null;
        this.#at = 0;
      }
      if (piece.length > 0) this.#isBlocked = !this.#owner.onBodyPiece(piece);
    }
    if (this.#isOver) return;
    if (this.#hasEnded && this.#chunk === null) {
      this.#end();
      this.#owner.onBodyEnd();
      return;
    }
    this.#owner.onBodyPause();
    if (this.#isOver || this.#isBlocked || this.#isReading || this.#hasEnded) return;
    const { timers } = this.#surroundings;
    if (this.#surroundings.now() - timers.tickedMs <= STREAM_TURN_MS_MAX) this.#read();
    else {
      this.#isResting = true;
      timers.set(this.#timer!, 0);
    }
  }

  #fail(failure: HookFailure, error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    if (failure !== "threw") void this.#cancelReader(error);
    this.#owner.onBodyFailed(failure, error);
  }

  #end(): void {
    this.#isOver = true;
    this.#chunk = null;
    this.#next = null;
    if (this.#timer !== null) this.#surroundings.timers.remove(this.#timer);
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#surroundings.reportDefect(error);
    }
  }
}
