/**
 * What is known of one server, and what follows from it. Three sources feed it: active checks, what became of real
 * requests, and the comparison with the other servers; an operator and the server's own agent are above them.
 *
 *              `fall` checks failed,                          `failures` in a row,
 *              or the agent says so                           or an outlier
 *      ┌──────────────────────────────────── UP ────────────────────────────────────┐
 *      ▼                                    ▲  ▲                                     ▼
 *     DOWN ── `rise` checks passed, ────────┘  │                                  EJECTED ◄─────────┐
 *             or the agent says so             │              its time is over, or   │              │
 *                                              │              a check passed         ▼              │
 *                                              └── one request: succeeded ──────── PROBING ── failed: longer
 *
 *     all of these ── drain ─► DRAIN,  ── maintenance ─► MAINTENANCE,  ── ready ─► where it would be without
 *
 * The state that is shown is the first that applies of: maintenance, drain, down, ejected, probing, up. What lies
 * below goes on meanwhile: a drained server is still checked, an ejection ends while checks fail.
 *
 * Beside the state stands whether connections are refused, which is certain knowledge where all else is a guess.
 */

import { TRIAL_MS_MAX } from "../limits.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { Outcome } from "../upstream/outcome.ts";
import type { AgentReply } from "./agent-reply.ts";
import type { AdminState, EjectionDefinition } from "./definition.ts";
import type { Eligibility } from "./eligible.ts";

export type ServerState = "up" | "down" | "ejected" | "probing" | "drain" | "maintenance";

/** The group's part. */
export interface HealthWatcher {
  readonly timers: Timers;
  readonly ejection: EjectionDefinition | null;
  wallClockMs(): number;
  /** Whether one more may be out. */
  mayEject(): boolean;
  /** Something that decides who may be picked. */
  onHealthChanged(): void;
  onStateChanged(server: ServerHealth, from: ServerState): void;
  onRefusingChanged(server: ServerHealth): void;
}

const NOT_EJECTED = 0;
const OUT = 1;
const ON_TRIAL = 2;

export class ServerHealth implements TimerOwner, Eligibility {
  // What each request asks for comes first: it lies in two lines of the caches.
  state: ServerState = "up";
  /** Of this interval. */
  successes = 0;
  /** Failures in a row. */
  streak = 0;
  isRefusing = false;
  /** Grows with each request let through on trial: tells its report from those of requests that began before. */
  trial = 0;
  #isTrialOut = false;
  #watcher: HealthWatcher | null = null;
  /** Of this interval. */
  failures = 0;
  /** Why, in words. */
  reason = "nothing speaks against it";
  /** By the wall clock. */
  sinceMs = 0;
  /** The same on the clock of the timers, which nobody sets back. */
  stateSinceMs = 0;
  /** When it came back, on the clock of the timers: for slow start. Never after the start of the process. */
  readySinceMs = Number.NEGATIVE_INFINITY;
  /** Not forgotten yet. */
  ejections = 0;
  #operator: AdminState = "ready";
  #agent: AdminState = "ready";
  #isCheckedDown = false;
  #isAgentDown = false;
  #isWeightless = false;
  #ejection = NOT_EJECTED;
  /** The time of the ejection is over, but connections are still refused. */
  #isOverdue = false;
  readonly #timer = new Timer(this);

  /** From now on `watcher` is told. A server that is kept at a reload keeps all that is known of it. */
  attach(watcher: HealthWatcher): void {
    if (this.#watcher === null) this.sinceMs = watcher.wallClockMs();
    this.#watcher = watcher;
    if (watcher.ejection === null) this.restore("ejection was turned off");
  }

  /** It is in no list any more. */
  detach(): void {
    this.#watcher?.timers.remove(this.#timer);
    this.#watcher = null;
  }

  isWatchedBy(watcher: HealthWatcher): boolean {
    return this.#watcher === watcher;
  }

  // ── what may be asked ──────────────────────────────────────────────────────────────────────────────────────

  get isReady(): boolean {
    return this.#operator === "ready" && this.#agent === "ready" && !this.#isWeightless;
  }

  /** In drain, but well: clients that are kept at this server may still come. */
  get keepsClients(): boolean {
    const isWell = !this.#isCheckedDown && !this.#isAgentDown && this.#ejection === NOT_EJECTED && !this.isRefusing;
    return this.state === "drain" && isWell;
  }

  get isInMaintenance(): boolean {
    return this.#operator === "maintenance" || this.#agent === "maintenance";
  }

  get isOperatorsMaintenance(): boolean {
    return this.#operator === "maintenance";
  }

  /** One that should be out but may not be, because too many are, is not healthy when it refuses connections. */
  get isHealthy(): boolean {
    return this.state === "up" && !(this.isRefusing && this.streak >= this.#streakMax);
  }

  get awaitsTrial(): boolean {
    return this.state === "probing" && !this.#isTrialOut && !this.isRefusing;
  }

  /** Has one of the places among the ejected. Who waits to be asked, maybe for ever, or is down anyway needs none. */
  get isEjected(): boolean {
    return this.state === "ejected" || (this.state === "probing" && !this.awaitsTrial);
  }

  get #streakMax(): number {
    return this.#watcher?.ejection?.failures ?? 1;
  }

  // ── from traffic ───────────────────────────────────────────────────────────────────────────────────────────

  /** How one request ended that began when `trial` was this. On a healthy server a success is one addition. */
  report(outcome: Outcome, trial = this.trial): void {
    const isTrial = this.#isTrialOut && trial === this.trial;
    if (outcome === "success") {
      this.successes++;
      if (this.streak > 0 || this.isRefusing || isTrial) this.#succeeded(isTrial);
    } else if (outcome === "abandoned") {
      if (isTrial) this.#endTrial();
    } else {
      this.#failed(outcome, isTrial, trial === this.trial);
    }
  }

  /** A request was picked for it. */
  onPick(): void {
    // Nobody watches one that a reload has removed; requests that began before may still ask it.
    if (this.state !== "probing" || this.#isTrialOut || this.#watcher === null) return;
    this.#isTrialOut = true;
    this.trial++;
    this.#watcher.timers.set(this.#timer, TRIAL_MS_MAX);
    this.#watcher.onHealthChanged();
  }

  #succeeded(isTrial: boolean): void {
    this.streak = 0;
    if (isTrial) this.restore("a request succeeded");
    this.onAccepted();
  }

  /** `isRecent`: it began after the last trial did. Else it is about what the server was before. */
  #failed(outcome: Exclude<Outcome, "success" | "abandoned">, isTrial: boolean, isRecent: boolean): void {
    if (isRecent) this.failures++;
    const watcher = this.#watcher;
    if (watcher === null) return;
    if (outcome === "refused") this.onRefused();
    else if (outcome !== "connect-failed") this.onAccepted();
    if (outcome === "server-error") {
      // It answered, and 500 may be about the request: as a trial that is enough, in a row it counts for nothing.
      if (isTrial) this.restore("a request was answered");
      return;
    }
    if (!isRecent) return;
    this.streak++;
    if (isTrial) {
      this.eject(`the request on trial failed: ${IN_WORDS[outcome]}`);
      return;
    }
    if (this.state !== "up" || watcher.ejection === null || this.streak < watcher.ejection.failures) return;
    if (watcher.mayEject()) this.eject(`${this.streak} failures in a row, the last: ${IN_WORDS[outcome]}`);
    else if (this.isRefusing) watcher.onHealthChanged();
  }

  // ── from checks ────────────────────────────────────────────────────────────────────────────────────────────

  /** `isUp`: what follows from this result and those before. */
  onChecked({ isPassed, isUp, reason }: { isPassed: boolean; isUp: boolean; reason: string }): void {
    this.#isCheckedDown = !isUp;
    // Once: one that is out again so soon comes and goes, or its checks look at something else than traffic does.
    if (isPassed && isUp && this.#ejection === OUT && this.ejections === 1) this.#putOnTrial("a check passed");
    this.#settle(reason);
  }

  /** Nobody checks it any more. */
  forgetChecks(): void {
    this.#isCheckedDown = false;
    this.#settle("it is no longer checked");
  }

  /** Its port takes connections. */
  onAccepted(): void {
    if (!this.isRefusing) return;
    this.isRefusing = false;
    this.#watcher?.onHealthChanged();
    this.#watcher?.onRefusingChanged(this);
    if (this.#isOverdue) this.#putOnTrial("its time is over");
  }

  /** Nothing listens on its port. */
  onRefused(): void {
    if (this.isRefusing || this.#watcher === null) return;
    this.isRefusing = true;
    this.#watcher.onHealthChanged();
    this.#watcher.onRefusingChanged(this);
  }

  // ── ejection ───────────────────────────────────────────────────────────────────────────────────────────────

  eject(reason: string): void {
    const { ejection, timers } = this.#watcher!;
    if (ejection === null) return;
    this.#leaveEjection();
    this.ejections++;
    this.#ejection = OUT;
    const outMs = Math.min(ejection.baseMs * this.ejections, ejection.maxMs);
    timers.set(this.#timer, outMs);
    this.#settle(`${reason}; out for ${Math.round(outMs / 100) / 10} s`);
  }

  /** In again, whatever it was out for. */
  restore(reason: string): void {
    if (this.#ejection === NOT_EJECTED) return;
    this.#leaveEjection();
    this.streak = 0;
    this.#settle(reason);
  }

  /** Called at the end of each interval in which success rates are compared. */
  endInterval(): void {
    this.successes = 0;
    this.failures = 0;
    if (this.ejections > 0 && this.#ejection === NOT_EJECTED && this.streak === 0) this.ejections--;
  }

  onTimer(): void {
    if (this.#ejection === OUT) {
      if (this.isRefusing) this.#isOverdue = true;
      else this.#putOnTrial("its time is over");
    } else if (this.#isTrialOut) {
      this.#endTrial();
    }
  }

  #putOnTrial(why: string): void {
    this.#leaveEjection();
    this.#ejection = ON_TRIAL;
    this.#settle(`${why}: one request is tried`);
  }

  /** The trial showed nothing: another request may try. */
  #endTrial(): void {
    this.#isTrialOut = false;
    this.#watcher?.timers.clear(this.#timer);
    this.#watcher?.onHealthChanged();
  }

  #leaveEjection(): void {
    this.#watcher?.timers.clear(this.#timer);
    this.#ejection = NOT_EJECTED;
    this.#isOverdue = false;
    this.#isTrialOut = false;
    this.#watcher?.onHealthChanged();
  }

  // ── administration ─────────────────────────────────────────────────────────────────────────────────────────

  setOperatorState(state: AdminState, reason: string): void {
    this.#operator = state;
    this.#settleAdmin(reason);
  }

  /** What was not said stays as it was. Without weight a server gets nothing new, which is to drain it. */
  onAgent({ admin, isUp, weightShare, weight, why }: AgentReply): void {
    if (admin !== null) this.#agent = admin;
    if (isUp !== null) this.#isAgentDown = !isUp;
    const said = weight ?? weightShare;
    if (said !== null) this.#isWeightless = said === 0;
    this.#settleAdmin(why === "" ? "its agent says so" : `its agent says so: ${why}`);
  }

  /** Nobody asks its agent any more. */
  forgetAgent(): void {
    this.#agent = "ready";
    this.#isAgentDown = false;
    this.#isWeightless = false;
    this.#settleAdmin("its agent is no longer asked");
  }

  #settleAdmin(reason: string): void {
    if (this.isInMaintenance) {
      // Who comes back from there may be another machine: nothing of what was known holds.
      this.#leaveEjection();
      this.#isCheckedDown = false;
      this.streak = 0;
      this.ejections = 0;
      this.onAccepted();
    }
    this.#settle(reason);
  }

  #settle(reason: string): void {
    const watcher = this.#watcher;
    const from = this.state;
    this.state = this.#derive();
    if (this.state === from) return;
    this.reason = reason;
    if (watcher === null) return;
    this.sinceMs = watcher.wallClockMs();
    this.stateSinceMs = watcher.timers.nowMs;
    if (this.state === "up") {
      this.readySinceMs = this.stateSinceMs;
      this.streak = 0;
    }
    watcher.onHealthChanged();
    watcher.onStateChanged(this, from);
  }

  #derive(): ServerState {
    if (this.isInMaintenance) return "maintenance";
    if (!this.isReady) return "drain";
    if (this.#isCheckedDown || this.#isAgentDown) return "down";
    if (this.#ejection === OUT) return "ejected";
    return this.#ejection === ON_TRIAL ? "probing" : "up";
  }
}

const IN_WORDS: Readonly<Record<Exclude<Outcome, "success" | "abandoned" | "server-error">, string>> = {
  "gateway-error": "it answered 502, 503 or 504",
  refused: "it refused the connection",
  "connect-failed": "no connection to it could be made",
  timeout: "its response did not come in time",
  broken: "it broke the connection off",
  "bad-response": "what it sent was no HTTP",
};
