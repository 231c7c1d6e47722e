/**
 * One hook that makes another body of a body: what comes is given to it as a stream, what its stream gives goes on.
 * Both ends wait for each other, so that no more than a bound is held in between.
 *
 *     push ─► source ─► the hook's stream ─► pump ─► target
 *               └── answered nothing, or failed early and may be ignored: as it came ──►┘
 */

import { TRANSFORM_KEPT_BYTES_MAX } from "../limits.ts";
import type { HookFailure } from "../observe/events.ts";
import type { TraceHook } from "../observe/trace.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { BodyPump, type PumpOwner } from "./body-pump.ts";
import { BodySource, type SourceOwner } from "./body-source.ts";
import { isResponse, sendable } from "./check-answer.ts";
import { kindOf } from "./describe-value.ts";
import type { Hook, HookCall, HookEnd } from "./hook.ts";
import type { ByteStream, HookContext, ReceivedStream } from "./hooks.ts";

export type TransformHook = Hook<"transformRequestBody"> | Hook<"transformResponseBody">;

/** Calls the hook's function with what else it is given. */
export type InvokeTransform = (hook: TransformHook, body: ReceivedStream, context: HookContext) => unknown;

export interface StageTarget {
  /** First. `length` is that of the whole body when it is known, else -1. */
  onStageBegins(length: number): void;
  /** The target's from here on. False: no more before `resume`. */
  onStagePiece(bytes: Uint8Array): boolean;
  onStagePause(): void;
  onStageEnd(): void;
  /** What has gone on so far is not whole. */
  onStageFailed(hook: TransformHook, end: HookEnd): void;
  /** The hook of a request has answered the client instead. */
  onStageAnswered(hook: TransformHook, response: Response): void;
  /** It is known whether the hook passes the body on as it is. */
  onStageDecided(): void;
  /** More may be pushed. */
  onStageWanted(): void;
  /** Once, before what follows from it: how long the hook was at work, and what came of it. */
  onStageNote(note: TraceHook): void;
}

export class TransformStage implements PumpOwner, SourceOwner, TimerOwner {
  readonly #hook: TransformHook;
  readonly #requestId: string;
  readonly #target: StageTarget;
  readonly #source = new BodySource(this);
  #call: HookCall<unknown> | null = null;
  #pump: BodyPump | null = null;
  #timer: Timer | null = null;
  /** A copy of all that came, for a hook that may be ignored; null: there is none, or it became too much. */
  #kept: Uint8Array[] | null = null;
  #keptBytes = 0;
  #beganMs = 0;
  /** Nothing is to be told, not even of a hook that another one has made needless before it was called. */
  #isNoted = true;
  #isHeld = false;
  #hasEnded = false;
  #hasBegun = false;
  #isOver = false;
  /** The body goes on as it came. */
  isPassing = false;

  constructor(hook: TransformHook, requestId: string, target: StageTarget) {
    this.#hook = hook;
    this.#requestId = requestId;
    this.#target = target;
    if (hook.fallback === "ignore") this.#kept = [];
  }

  begin(invoke: InvokeTransform): void {
    const hook = this.#hook as Hook<"transformRequestBody">;
    const { stream } = this.#source;
    let isDecided = false;
    this.#isNoted = false;
    this.#beganMs = hook.surroundings.now();
    const call = hook.run(
      { requestId: this.#requestId },
      (_run, context) => invoke(this.#hook, stream, context),
      (answer) => this.#checked(answer, stream),
      (answer, end) => {
        isDecided = true;
        this.#call = null;
        if (!this.#isOver) this.#decide(answer, end);
      },
    );
    if (call === null || isDecided) return;
    this.#call = call as HookCall<unknown>;
    // It may wait for what is still to come before it answers.
    call.isExcused = () => this.#source.isWanted;
  }

  /** False: no more before `onStageWanted`. */
  push(bytes: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.isPassing) return this.#pass(bytes);
    if (this.#source.isWanted) this.#move();
    if (this.#kept !== null) this.#keep(bytes);
    const isWritable = this.#source.push(bytes);
    this.#isHeld = !isWritable;
    return isWritable;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#isOver) return;
    if (this.#source.isWanted) this.#move();
    if (!this.isPassing) this.#source.end();
    else this.onBodyEnd();
  }

  /** The target takes more. */
  resume(): void {
    this.#move();
    if (this.isPassing) this.#want();
    else this.#pump?.resume();
  }

  /** Nobody wants it any more, or there is no more of it. */
  cancel(reason: unknown): void {
    if (this.#isOver) return;
    this.#stop();
    this.#note(this.#call !== null || this.#isAwaited ? "unanswered" : "ok");
    this.#call?.abandon();
    this.#pump?.cancel(reason);
    this.#source.fail(reason);
  }

  onTimer(): void {
    if (this.#isAwaited)
      this.onBodyFailed("timeout", new Error(`stood still for ${this.#hook.definition.timeoutMs} ms`));
    else this.#move();
  }

  // ── the hook's two streams ─────────────────────────────────────────────────────────────────────────────────

  onBodyWanted(): void {
    this.#move();
    this.#want();
  }

  /** What still comes is dropped. */
  onBodyUnwanted(): void {
    this.#want();
  }

  onBodyBegins(length: number): void {
    this.#hasBegun = true;
    this.#kept = null;
    this.#target.onStageBegins(length);
  }

  onBodyPiece(bytes: Uint8Array): boolean {
    this.#move();
    return this.#target.onStagePiece(bytes);
  }

  onBodyPause(): void {
    this.#target.onStagePause();
  }

  onBodyEnd(): void {
    if (!this.#hasBegun) this.onBodyBegins(0);
    if (this.#isOver) return;
    this.#stop();
    this.#note("ok");
    this.#source.fail(new Error("the body that was made of this one has ended"));
    this.#target.onStageEnd();
  }

  onBodyFailed(failure: HookFailure, error: unknown): void {
    // Of others' bytes many a stream can only fail, such as a DecompressionStream: that must not put the hook to rest for all.
    if (failure === "timeout") this.#hook.noteFailure(this.#requestId, failure, error);
    else this.#hook.noteLateFailure(this.#requestId, failure, error);
    this.#pump?.cancel(error);
    this.#pump = null;
    this.#recover(error, failure);
  }

  // ── what becomes of it ─────────────────────────────────────────────────────────────────────────────────────

  #checked(answer: unknown, given: ByteStream): ByteStream | Response | "pass" {
    if (this.#hook.definition.kind === "transformResponseBody") return streamOf(answer, given, STREAMS);
    return isResponse(answer) ? sendable(answer) : streamOf(answer, given, STREAMS_AND_RESPONSES);
  }

  #decide(answer: ByteStream | Response | "pass" | null, end: HookEnd): void {
    if (answer === null) {
      this.#recover(new Error("the hook failed"), end);
    } else if (isResponse(answer)) {
      this.#stop();
      this.#note("answered");
      this.#source.fail(new Error("the request was answered"));
      this.#target.onStageAnswered(this.#hook, answer);
      return;
    } else if (answer === "pass") {
      this.#note("ok");
      this.isPassing = true;
      this.#passOn(this.#source.takeBack(new Error("the body was passed on")));
    } else {
      this.#timer = new Timer(this);
      this.#move();
      this.#pump = new BodyPump(answer, this, this.#hook.surroundings, Number.POSITIVE_INFINITY);
      this.#pump.start(true);
    }
    this.#target.onStageDecided();
  }

  /** It failed: as if it had answered nothing, where that is allowed and nothing is lost yet. */
  #recover(reason: unknown, end: HookEnd): void {
    const kept = this.#kept;
    this.#note(end);
    this.#source.fail(reason);
    if (kept === null || this.#hasBegun) {
      this.#stop();
      this.#target.onStageFailed(this.#hook, end);
      return;
    }
    this.isPassing = true;
    this.#passOn(kept);
  }

  #passOn(pieces: readonly Uint8Array[]): void {
    this.#kept = null;
    if (this.#timer !== null) this.#hook.surroundings.timers.remove(this.#timer);
    this.#timer = null;
    const wasHeld = this.#isHeld;
    let isWritable = true;
    for (const piece of pieces) if (!this.#isOver) isWritable = this.#pass(piece);
    if (this.#isOver) return;
    // Whoever sends it may have been held before it was known that it passes.
    this.#isHeld = wasHeld || !isWritable;
    if (this.#hasEnded) this.onBodyEnd();
    else if (isWritable) this.#want();
    if (pieces.length > 0) this.#target.onStagePause();
  }

  #pass(bytes: Uint8Array): boolean {
    if (!this.#hasBegun) this.onBodyBegins(-1);
    if (this.#isOver) return true;
    const isWritable = this.#target.onStagePiece(bytes);
    this.#isHeld = !isWritable;
    return isWritable;
  }

  #want(): void {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    if (wasHeld || this.#source.isWanted) this.#target.onStageWanted();
  }

  #keep(bytes: Uint8Array): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > TRANSFORM_KEPT_BYTES_MAX) this.#kept = null;
    else this.#kept!.push(new Uint8Array(bytes));
  }

  /** Its stream is read; who waits for the other side is not late. */
  get #isAwaited(): boolean {
    return this.#pump?.isReading === true && !this.#source.isWanted;
  }

  #note(outcome: HookEnd | "answered" | "unanswered"): void {
    if (this.#isNoted) return;
    this.#isNoted = true;
    const tookMs = this.#hook.surroundings.now() - this.#beganMs;
    this.#target.onStageNote({ hook: this.#hook.definition.name, tookMs, outcome });
  }

  /** From here on it has all of its time again. */
  #move(): void {
    const { timers } = this.#hook.surroundings;
    this.#call?.postpone();
    if (this.#timer !== null && !this.#isOver) timers.set(this.#timer, this.#hook.definition.timeoutMs);
  }

  #stop(): void {
    this.#isOver = true;
    this.#kept = null;
    if (this.#timer !== null) this.#hook.surroundings.timers.remove(this.#timer);
  }
}

const STREAMS = "answer a ReadableStream of bytes, or nothing to pass the body on";
const STREAMS_AND_RESPONSES = "answer a ReadableStream of bytes, a Response, or nothing to pass the body on";

function streamOf(answer: unknown, given: ByteStream, forms: string): ByteStream | "pass" {
  if (answer === undefined || answer === null || answer === given) {
    if (given.locked) throw new TypeError(`it read the body and answered no other one; ${forms}`);
    return "pass";
  }
  const isStream = typeof answer === "object" && "getReader" in answer && typeof answer.getReader === "function";
  if (!isStream) throw new TypeError(`it answered ${kindOf(answer)}; ${forms}`);
  if ((answer as ByteStream).locked) throw new TypeError("it answered a stream that is being read already");
  return answer as ByteStream;
}
