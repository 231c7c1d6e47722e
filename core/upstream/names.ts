/**
 * The names of DNS that servers are found by, each asked for once, however many upstreams use it, and not for longer
 * than one does. One of these lives as long as the proxy, so that a reload finds what is known already.
 */

import {
  FAILING_QUESTIONS_AT_ONCE_MAX,
  QUESTION_HUNG_MS,
  QUESTIONS_AT_ONCE_MAX,
  QUESTIONS_HUNG_MAX,
  REPEATED_QUESTIONS_AT_ONCE_MAX,
} from "../limits.ts";
import type { Notice, Observer } from "../observe/events.ts";
import type { Attempt, RecordType, ResolveDone, Runtime } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { DnsRules } from "./dns-rules.ts";
import { KnownName, type NameKind, type NameSurroundings } from "./known-name.ts";
import type { ServerLists } from "./server-lists.ts";

export interface DiscoverySurroundings {
  readonly names: Names;
  /** Null where nobody reads files; their servers are then missing. */
  readonly lists: ServerLists | null;
  notify(notice: Notice): void;
  /** Whether a server may be at this address; left out: at any. */
  accepts?(address: string): boolean;
}

export interface NamesOptions {
  readonly runtime: Runtime;
  readonly timers: Timers;
  readonly observer: Observer;
  readonly rules: DnsRules;
}

export class Names implements NameSurroundings {
  readonly timers: Timers;
  /** From the next question on. */
  rules: DnsRules;
  readonly #runtime: Runtime;
  readonly #observer: Observer;
  readonly #names = new Map<string, KnownName>();
  readonly #first = new Line();
  readonly #repeated = new Line();
  readonly #failing = new Line();
  #isStarted = false;

  constructor({ runtime, timers, observer, rules }: NamesOptions) {
    this.timers = timers;
    this.rules = rules;
    this.#runtime = runtime;
    this.#observer = observer;
  }

  /** How many are watched. */
  get count(): number {
    return this.#names.size;
  }

  /** Nothing is asked before. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const name of this.#names.values()) name.onTimer();
  }

  /** `listener` is called when something has changed, never from inside here: look at the answer first. */
  watch(kind: NameKind, name: string, listener: () => void): KnownName {
    const key = `${kind} ${name}`;
    let known = this.#names.get(key);
    if (known === undefined) {
      known = new KnownName(kind, name, this);
      this.#names.set(key, known);
      if (this.#isStarted) known.onTimer();
    }
    known.listeners.add(listener);
    return known;
  }

  unwatch(known: KnownName, listener: () => void): void {
    known.listeners.delete(listener);
    if (known.listeners.size > 0) return;
    this.#names.delete(`${known.kind} ${known.name}`);
    known.stop();
  }

  ask(type: RecordType, { name, isKnown, isFailing }: KnownName, done: ResolveDone): Attempt {
    const question = new Question(type, name, done);
    const again = isFailing ? this.#failing : this.#repeated;
    (isKnown ? again : this.#first).waiting.push(question);
    this.#askNext();
    return question;
  }

  random(): number {
    return this.#runtime.random();
  }

  notify(notice: Notice): void {
    this.#observer.onNotice(notice);
  }

  /** Each question takes a descriptor, and a thousand names may come with one configuration. */
  #askNext(): void {
    for (let line = this.#nextLine(); line !== null; line = this.#nextLine()) this.#askFirstOf(line);
  }

  /** Either kind is asked however many of the other hang. First questions may have all places, repeated ones their share. */
  #nextLine(): Line | null {
    const [first, repeated, failing] = [this.#first, this.#repeated, this.#failing];
    const asking = first.asking - Math.min(first.hung, QUESTIONS_HUNG_MAX);
    const askingAgain = repeated.asking + failing.asking;
    if (asking + askingAgain >= QUESTIONS_AT_ONCE_MAX) return null;
    const mayFail = failing.isWaiting && failing.asking < FAILING_QUESTIONS_AT_ONCE_MAX;
    const mayRepeat = (repeated.isWaiting || mayFail) && askingAgain < REPEATED_QUESTIONS_AT_ONCE_MAX;
    const hasShare = asking < QUESTIONS_AT_ONCE_MAX - REPEATED_QUESTIONS_AT_ONCE_MAX;
    if (first.isWaiting && (hasShare || !mayRepeat)) return first;
    if (!mayRepeat) return null;
    return repeated.isWaiting ? repeated : failing;
  }

  #askFirstOf(line: Line): void {
    const question = line.waiting.shift()!;
    line.asking++;
    const { type, name, done } = question;
    const { servers, timeoutMs } = this.rules;
    question.onHung = () => {
      line.hung++;
      this.#askNext();
    };
    this.timers.set(question.timer, QUESTION_HUNG_MS);
    question.attempt = this.#runtime.resolve({ type, name, servers, timeoutMs }, (error, answer) => {
      line.asking--;
      if (question.isHung) line.hung--;
      this.timers.remove(question.timer);
      this.#askNext();
      if (!question.isCanceled) done(error, answer);
    });
  }
}

/** Questions of one kind. */
class Line {
  readonly waiting: Question[] = [];
  asking = 0;
  /** Of those that are asked. */
  hung = 0;

  /** Those that were taken back meanwhile are not counted. */
  get isWaiting(): boolean {
    while (this.waiting[0]?.isCanceled) this.waiting.shift();
    return this.waiting.length > 0;
  }
}

/** One that may have to wait for its turn. Taken back, it is not answered any more. */
class Question implements Attempt, TimerOwner {
  readonly type: RecordType;
  readonly name: string;
  readonly done: ResolveDone;
  readonly timer = new Timer(this);
  attempt: Attempt | null = null;
  isCanceled = false;
  isHung = false;
  /** Called once, if nobody has answered by then. */
  onHung = (): void => {};

  constructor(type: RecordType, name: string, done: ResolveDone) {
    this.type = type;
    this.name = name;
    this.done = done;
  }

  cancel(): void {
    this.isCanceled = true;
    this.attempt?.cancel();
  }

  onTimer(): void {
    this.isHung = true;
    this.onHung();
  }
}
