/** A hook at work: its calls, each with a deadline and exactly one end, its counts, and its breaker. */

import { HOOK_BLOCK_MS, HOOK_CALLS_HUNG_MAX, TRACE_TEXT_MAX } from "../limits.ts";
import type { HookFailure, Notice, Observer } from "../observe/events.ts";
import type { Runtime } from "../runtime.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { Background } from "./background.ts";
import type { PumpSurroundings } from "./body-pump.ts";
import { Cache } from "./cache.ts";
import { errorText } from "./error-text.ts";
import { HookBreaker, ORDINARY } from "./hook-breaker.ts";
import type { Fallback, HookContext, HookDefinition, HookFunctions, HookKind } from "./hooks.ts";
import { isPromise } from "./is-promise.ts";
import { isOfClient } from "./live-request.ts";
import { discardAnswer } from "./read-answer.ts";

/** What all hooks of a proxy share. */
export interface HookSurroundings extends PumpSurroundings {
  notify(notice: Notice): void;
  readonly cache: Cache;
  readonly fetch: HookContext["fetch"];
  readonly background: Background;
}

export function hookSurroundings(
  engine: Pick<HookSurroundings, "timers" | "reportDefect"> & {
    readonly observer: Observer;
    readonly runtime: Pick<Runtime, "now">;
  },
  innerFetch: HookContext["fetch"],
): HookSurroundings {
  const { timers, observer } = engine;
  const notify = (notice: Notice): void => observer.onNotice(notice);
  return {
    timers,
    notify,
    now: () => engine.runtime.now(),
    reportDefect: (error) => engine.reportDefect(error),
    cache: new Cache({ timers, notify }),
    fetch: innerFetch,
    background: new Background(timers),
  };
}

/** Whose request it is. Ids are made when asked for, and most calls need none. */
export interface Asker {
  readonly requestId: string;
}

/** Makes of an answer what cannot be wrong, or throws what is. */
export type Check<A> = (answer: unknown) => A;

/** How a call ended. `rested`: it was none, because the hook rests or too many calls of it have not ended. */
export type HookEnd = "ok" | "rested" | HookFailure;

export class Hook<K extends HookKind = HookKind> {
  readonly definition: HookDefinition<HookFunctions[K]>;
  readonly surroundings: HookSurroundings;
  readonly breaker = new HookBreaker();
  calls = 0;
  failures = 0;
  readonly failuresByKind: Record<HookFailure, number> = { threw: 0, timeout: 0, nonsense: 0, blocked: 0 };
  /** What the last failure said. */
  lastError = "";
  /** Not called, because it rests or too many calls of it have not ended. */
  skipped = 0;
  /** Called, and not heard of yet. */
  pending = 0;
  /** Of these, those nobody waits for any more. */
  hung = 0;

  constructor(definition: HookDefinition<HookFunctions[K]>, surroundings: HookSurroundings) {
    this.definition = definition;
    this.surroundings = surroundings;
  }

  /** A request waits for it. */
  get isAwaited(): boolean {
    return this.definition.kind !== "onFinish";
  }

  /** Where no request waits, no number of them bounds the calls. */
  get #unawaited(): number {
    return this.isAwaited ? this.hung : this.pending;
  }

  get fallback(): Fallback {
    return this.definition.fallback;
  }

  /**
   * Calls it. `done` is called once, in here or later, with what `check` made of the answer, or null when it failed.
   * Answers the call while that is under way, else null.
   */
  run<A>(
    asker: Asker,
    invoke: (run: HookFunctions[K], context: HookContext) => unknown,
    check: Check<A>,
    done: (answer: A | null, end: HookEnd) => void,
  ): HookCall<A> | null {
    const { timers } = this.surroundings;
    const trial = this.#unawaited >= HOOK_CALLS_HUNG_MAX ? -1 : this.breaker.admit(timers.nowMs);
    if (trial === -1) {
      this.skipped++;
      done(null, "rested");
      return null;
    }
    const call = new HookCall(this as unknown as Hook, asker, check, done);
    call.trial = trial;
    this.calls++;
    let answer: unknown;
    let waits: boolean;
    const beganMs = this.surroundings.now();
    try {
      answer = invoke(this.definition.run, call.context);
      waits = isPromise(answer);
    } catch (error) {
      call.fail("threw", error);
      return null;
    }
    const tookMs = this.surroundings.now() - beganMs;
    // Nothing else was served meanwhile. What it answered is good all the same.
    if (tookMs > HOOK_BLOCK_MS) call.noteFailure("blocked", new Error(`for ${Math.round(tookMs)} ms`));
    if (!waits) {
      call.answer(answer);
      return null;
    }
    call.wait(answer);
    return call;
  }

  /** A call of it has failed, or what came of one. */
  noteFailure(requestId: string, failure: HookFailure, error: unknown, trial = ORDINARY): void {
    const { breaker } = this;
    const wasOpen = breaker.isOpen;
    // No client may make a hook rest for all others.
    if (isOfClient(error)) breaker.forget(trial);
    else breaker.fail(this.surroundings.timers.nowMs, trial);
    this.#tell(requestId, failure, error, !wasOpen && breaker.isOpen);
  }

  /** The hook has answered, as it should: what fails on the way is no reason for it to rest. */
  noteLateFailure(requestId: string, failure: HookFailure, error: unknown): void {
    this.#tell(requestId, failure, error, false);
  }

  #tell(requestId: string, failure: HookFailure, error: unknown, rests: boolean): void {
    const { name: hook, source } = this.definition;
    this.failures++;
    this.failuresByKind[failure]++;
    this.lastError = errorText(error).slice(0, TRACE_TEXT_MAX);
    this.surroundings.notify({ kind: "hook-failed", hook, source, requestId, failure, error, rests });
  }
}

const NEVER = (): boolean => false;

/** One call. */
export class HookCall<A> implements TimerOwner {
  readonly context: HookContext;
  readonly hook: Hook;
  readonly #asker: Asker;
  /** As the breaker has it. */
  trial = ORDINARY;
  readonly #check: Check<A>;
  readonly #done: (answer: A | null, end: HookEnd) => void;
  /** It waits for others: the time of that is not its own. */
  isExcused: () => boolean = NEVER;
  /** For whoever waits for it. */
  beganMs = 0;
  #timer: Timer | null = null;
  #abort: AbortController | null = null;
  #isOver = false;
  /** Over before it has answered. */
  #isGivenUp = false;

  constructor(hook: Hook, asker: Asker, check: Check<A>, done: (answer: A | null, end: HookEnd) => void) {
    this.hook = hook;
    this.#asker = asker;
    this.#check = check;
    this.#done = done;
    this.context = new CallContext(this as unknown as HookCall<unknown>);
  }

  get requestId(): string {
    return this.#asker.requestId;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#isGivenUp) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  answer(answer: unknown): void {
    let checked: A;
    try {
      checked = this.#check(answer);
    } catch (error) {
      void discardAnswer(answer);
      this.fail("nonsense", error);
      return;
    }
    this.#end();
    this.hook.breaker.succeed(this.hook.surroundings.timers.nowMs, this.trial);
    this.#done(checked, "ok");
  }

  fail(failure: HookFailure, error: unknown): void {
    this.#end();
    this.noteFailure(failure, error);
    this.#done(null, failure);
  }

  noteFailure(failure: HookFailure, error: unknown): void {
    this.hook.noteFailure(this.requestId, failure, error, this.trial);
  }

  /** It has the whole of its time again. */
  postpone(): void {
    if (this.#timer !== null && !this.#isOver)
      this.hook.surroundings.timers.set(this.#timer, this.hook.definition.timeoutMs);
  }

  /** `promise` is one, or calls itself one. */
  wait(promise: unknown): void {
    const { hook } = this;
    const { timers } = hook.surroundings;
    hook.pending++;
    if (!hook.isAwaited) hook.surroundings.background.add(this);
    this.#timer = new Timer(this);
    timers.set(this.#timer, hook.definition.timeoutMs);
    void this.#hear(promise);
  }

  /** Once, whatever it does: `await` calls no `then` that a real promise was given, and hears others only once. */
  async #hear(promise: unknown): Promise<void> {
    let answer: unknown;
    try {
      answer = await promise;
    } catch (error) {
      this.#settle(() => this.fail("threw", error));
      return;
    }
    if (this.#isOver) void discardAnswer(answer);
    this.#settle(() => this.answer(answer));
  }

  onTimer(): void {
    if (this.isExcused()) {
      // How long that takes is up to strangers: nobody else waits for it.
      this.hook.breaker.forget(this.trial);
      this.postpone();
      return;
    }
    const late = new Error(`took longer than ${this.hook.definition.timeoutMs} ms`);
    this.hook.hung++;
    this.#isGivenUp = true;
    this.#abort?.abort(late);
    this.fail("timeout", late);
  }

  /** The request is over: nobody waits. */
  abandon(): void {
    if (this.#isOver) return;
    this.hook.hung++;
    this.#isGivenUp = true;
    this.hook.breaker.forget(this.trial);
    this.#end();
    this.#abort?.abort();
  }

  #settle(end: () => void): void {
    this.hook.pending--;
    if (this.#isOver) {
      this.hook.hung--;
      return;
    }
    try {
      end();
    } catch (error) {
      this.hook.surroundings.reportDefect(error);
    }
  }

  #end(): void {
    this.#isOver = true;
    if (this.#timer === null) return;
    const { timers, background } = this.hook.surroundings;
    timers.remove(this.#timer);
    if (!this.hook.isAwaited) background.delete(this);
  }
}

/** What the function is given: only what it may use. Its functions know no `this`, so that it may be taken apart. */
class CallContext implements HookContext {
  readonly fetch: HookContext["fetch"];
  readonly #call: HookCall<unknown>;

  constructor(call: HookCall<unknown>) {
    this.#call = call;
    this.fetch = call.hook.surroundings.fetch;
  }

  get hook(): string {
    return this.#call.hook.definition.name;
  }
  get signal(): AbortSignal {
    return this.#call.signal;
  }
  get cache(): HookContext["cache"] {
    return this.#call.hook.surroundings.cache.get;
  }
  get log(): HookContext["log"] {
    const { hook, requestId } = this.#call;
    return (message) => {
      const text = String(message);
      hook.surroundings.notify({ kind: "hook-said", hook: hook.definition.name, requestId, text });
    };
  }
}
