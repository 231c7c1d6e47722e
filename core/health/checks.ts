/**
 * All checks of a proxy. Who follows the same server by the same settings shares one check, in other groups and
 * across reloads; a check that nobody follows ends.
 *
 *     group ─┐
 *     group ─┼─► Check (address, settings) ──due──► gate: at most CHECKS_MAX at once ──► CheckRun
 *     group ─┘        ▲                                                                     │
 *                     └───────────────────────── verdict ◄──────────────────────────────────┘
 */

import { responseBoundsOf } from "../h1/parse-head.ts";
import {
  CHECK_FAST_INTERVAL_MS,
  CHECK_JITTER,
  CHECKS_MAX,
  CHECKS_OF_DOWN_MAX,
  DEFAULT_LIMITS,
  type Limits,
  REFUSAL_CHECK_MS,
} from "../limits.ts";
import type { Address } from "../runtime.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { agentConversation } from "./agent-check.ts";
import { type CheckResult, CheckRun, type CheckSurroundings, type Conversation } from "./check-run.ts";
import type { AgentDefinition, CheckDefinition } from "./definition.ts";
import { type CurrentBounds, httpConversation } from "./http-check.ts";
import { RiseFall } from "./rise-fall.ts";
import { tcpConversation } from "./tcp-check.ts";

/** `isUp`: what follows from this result and those before. */
export interface Checked {
  readonly result: CheckResult;
  readonly isUp: boolean;
}

export type CheckFollower = (checked: Checked) => void;

export interface Following {
  /** The latest; null while there is none. */
  readonly latest: Checked | null;
  stop(): void;
}

/** Whether a server that refused a connection accepts again. */
export const REFUSAL_CHECK: CheckDefinition = Object.freeze({
  kind: "tcp",
  intervalMs: REFUSAL_CHECK_MS,
  fastIntervalMs: REFUSAL_CHECK_MS,
  timeoutMs: REFUSAL_CHECK_MS,
  rise: 1,
  fall: 1,
  jitter: 0,
  port: null,
  http: null,
});

export class Checks implements CurrentBounds {
  responseBounds = responseBoundsOf(DEFAULT_LIMITS);
  readonly #surroundings: CheckSurroundings;
  readonly #byKey = new Map<string, Check>();
  readonly #ofDown = new Line();
  readonly #others = new Line();

  constructor(surroundings: CheckSurroundings) {
    this.#surroundings = surroundings;
  }

  /** From the next check on. */
  goBy(limits: Limits): void {
    this.responseBounds = responseBoundsOf(limits);
  }

  /** How many there are, for whoever wants to know that none is left. */
  get count(): number {
    return this.#byKey.size;
  }

  get running(): number {
    return this.#ofDown.running + this.#others.running;
  }

  follow(address: Address, definition: CheckDefinition, follower: CheckFollower): Following {
    const target = withPort(address, definition.port);
    return this.#follow(target, definition, follower, () => {
      const { http } = definition;
      return http === null ? tcpConversation : httpConversation(http, authorityOf(target), this.#surroundings, this);
    });
  }

  followAgent(address: Address, agent: AgentDefinition, follower: CheckFollower): Following {
    const { port, intervalMs, timeoutMs } = agent;
    const times = {
      intervalMs,
      fastIntervalMs: Math.min(intervalMs, CHECK_FAST_INTERVAL_MS),
      timeoutMs,
      jitter: CHECK_JITTER,
    };
    return this.#follow(withPort(address, port), { kind: "agent", ...times, rise: 1, fall: 1 }, follower, () => {
      return agentConversation;
    });
  }

  #follow(address: Address, pace: Pace, follower: CheckFollower, conversation: () => Conversation): Following {
    const key = JSON.stringify([address, pace]);
    let check = this.#byKey.get(key);
    if (check === undefined) {
      check = new Check(address, pace, conversation(), this.#surroundings, this);
      this.#byKey.set(key, check);
      check.start();
    }
    const followed = check;
    // Of its own, so that one function may follow twice.
    const own: CheckFollower = (checked) => follower(checked);
    followed.followers.add(own);
    return {
      get latest() {
        return followed.latest;
      },
      stop: () => {
        if (!followed.followers.delete(own) || followed.followers.size > 0) return;
        this.#byKey.delete(key);
        for (const line of [this.#ofDown, this.#others]) line.waiting.delete(followed);
        followed.stop();
      },
    };
  }

  // ── the gate ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Its time has come: now, or when another one is over. */
  admit(check: Check): void {
    (check.isDown ? this.#ofDown : this.#others).waiting.add(check);
    this.#runNext();
  }

  #runNext(): void {
    for (let line = this.#nextLine(); line !== null; line = this.#nextLine()) this.#runFirstOf(line);
  }

  #runFirstOf(line: Line): void {
    const [check] = line.waiting;
    line.waiting.delete(check!);
    line.running++;
    check!.run(() => {
      line.running--;
      this.#runNext();
    });
  }

  /** Either kind has its half, and the others all, while none of those that are down waits. */
  #nextLine(): Line | null {
    const [ofDown, others] = [this.#ofDown, this.#others];
    if (this.running >= CHECKS_MAX) return null;
    const mayBeOfDown = ofDown.waiting.size > 0 && ofDown.running < CHECKS_OF_DOWN_MAX;
    const hasShare = others.running < CHECKS_MAX - CHECKS_OF_DOWN_MAX;
    if (others.waiting.size > 0 && (hasShare || !mayBeOfDown)) return others;
    return mayBeOfDown ? ofDown : null;
  }
}

/** Checks of one kind: those whose time has come, in the order in which it came. */
class Line {
  readonly waiting = new Set<Check>();
  running = 0;
}

type Pace = Pick<CheckDefinition, "intervalMs" | "fastIntervalMs" | "timeoutMs" | "rise" | "fall" | "jitter"> & {
  readonly kind: string;
};

/** One server checked by one set of settings, again and again. */
export class Check implements TimerOwner {
  readonly followers = new Set<CheckFollower>();
  latest: Checked | null = null;
  readonly #address: Address;
  readonly #pace: Pace;
  readonly #conversation: Conversation;
  readonly #surroundings: CheckSurroundings;
  readonly #checks: Checks;
  readonly #counter: RiseFall;
  readonly #timer = new Timer(this);
  #run: CheckRun | null = null;
  #startedMs = 0;

  constructor(
    address: Address,
    pace: Pace,
    conversation: Conversation,
    surroundings: CheckSurroundings,
    checks: Checks,
  ) {
    this.#address = address;
    this.#pace = pace;
    this.#conversation = conversation;
    this.#surroundings = surroundings;
    this.#checks = checks;
    this.#counter = new RiseFall(pace.rise, pace.fall);
  }

  /** The first checks of many servers are spread. */
  start(): void {
    const { runtime, timers } = this.#surroundings;
    timers.set(this.#timer, runtime.random() * Math.min(this.#pace.fastIntervalMs, this.#pace.intervalMs));
  }

  stop(): void {
    this.#surroundings.timers.remove(this.#timer);
    if (this.#run === null) return;
    this.#run.cancel();
    this.#run = null;
  }

  onTimer(): void {
    this.#checks.admit(this);
  }

  get isDown(): boolean {
    return !this.#counter.isUp;
  }

  /** `released`: it holds nothing any more, whatever came of it. */
  run(released: () => void): void {
    const { runtime, timers } = this.#surroundings;
    this.#startedMs = timers.nowMs;
    // Released late, it may be while the next one runs.
    const owner = { onResult: (result: CheckResult) => this.#onResult(result), onReleased: released };
    this.#run = new CheckRun(timers, this.#pace.timeoutMs, this.#conversation, owner);
    this.#run.start(runtime, this.#address);
  }

  #onResult(result: CheckResult): void {
    this.#run = null;
    if (result.verdict === "passed") this.#counter.pass();
    else if (result.verdict === "failed") this.#counter.fail();
    const checked = { result, isUp: this.#counter.isUp };
    this.latest = checked;
    // First the next one: a follower may end this check.
    this.#planNext();
    for (const follower of [...this.followers]) follower(checked);
  }

  #planNext(): void {
    const { runtime, timers } = this.#surroundings;
    const { intervalMs, fastIntervalMs, jitter } = this.#pace;
    const interval = this.#counter.isSure ? intervalMs : fastIntervalMs;
    const shifted = interval * (1 + jitter * (2 * runtime.random() - 1));
    timers.set(this.#timer, Math.max(0, shifted - (timers.nowMs - this.#startedMs)));
  }
}

function withPort(address: Address, port: number | null): Address {
  return port === null || address.kind === "unix" ? address : { ...address, port };
}

function authorityOf(address: Address): string {
  if (address.kind === "unix") return "localhost";
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
