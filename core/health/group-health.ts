/**
 * The health of a group: who of its servers may be picked, and everything that is done to find out. Joins the states
 * of the servers (`server-health.ts`), the checks they have (`checks.ts`), and the comparison between them.
 */

import { OUTLIER_INTERVAL_MS } from "../limits.ts";
import type { Observer } from "../observe/events.ts";
import type { Address } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { AgentReply } from "./agent-reply.ts";
import type { CheckResult, CheckSurroundings } from "./check-run.ts";
import { type Checked, Checks, type Following, REFUSAL_CHECK } from "./checks.ts";
import type { AdminState, CheckDefinition, EjectionDefinition, HealthDefinition } from "./definition.ts";
import { eligibleOf, type Rated } from "./eligible.ts";
import { findOutliers } from "./outliers.ts";
import type { HealthWatcher, ServerHealth, ServerState } from "./server-health.ts";

/** A server, as far as its health goes. */
export interface Member extends Rated {
  readonly label: string;
  readonly address: Address;
  readonly health: ServerHealth;
  /** What its agent says of weight and connections; null: as configured again. Answers whether that is new. */
  adjust(said: AgentReply | null): boolean;
}

export interface HealthSurroundings extends CheckSurroundings {
  /** All of a proxy; without, a group has its own. */
  readonly checks?: Checks;
  readonly observer?: Observer;
}

/** What watches one member. */
interface Watch<M> {
  readonly member: M;
  check: Following | null;
  agent: Following | null;
  /** While connections are refused. */
  refusal: Following | null;
  /** The last line of the agent that was no reply: said once. */
  malformed: string;
}

export class GroupHealth<M extends Member> implements HealthWatcher, TimerOwner {
  readonly ejection: EjectionDefinition | null;
  readonly #upstream: string;
  readonly #definition: HealthDefinition;
  readonly #surroundings: HealthSurroundings;
  readonly #checks: Checks;
  readonly #onEligibilityChanged: () => void;
  readonly #watches = new Map<ServerHealth, Watch<M>>();
  readonly #timer = new Timer(this);
  #members: readonly M[] = [];
  /** How many may have requests, and are out; null when it has to be counted again. */
  #counts: { readonly ready: number; readonly ejected: number } | null = null;
  #isPanic = false;
  /** Other groups have the say now, or nobody: nothing is told, but who may be picked can still be asked. */
  isRetired = false;
  #onFirstRound: (() => void) | null = null;

  constructor(
    upstream: string,
    definition: HealthDefinition,
    surroundings: HealthSurroundings,
    onEligibilityChanged: () => void,
  ) {
    this.ejection = definition.ejection;
    this.#upstream = upstream;
    this.#definition = definition;
    this.#surroundings = surroundings;
    this.#checks = surroundings.checks ?? new Checks(surroundings);
    this.#onEligibilityChanged = onEligibilityChanged;
  }

  get timers(): Timers {
    return this.#surroundings.timers;
  }

  wallClockMs(): number {
    return this.#surroundings.runtime.wallClockMs();
  }

  /** Calls `done` when every server that is checked has been, once; maybe now. */
  warm(done: () => void): void {
    this.#onFirstRound = done;
    this.#endFirstRound();
  }

  #endFirstRound(): void {
    const done = this.#onFirstRound;
    if (done === null) return;
    for (const { check } of this.#watches.values()) if (check !== null && check.latest === null) return;
    this.#onFirstRound = null;
    done();
  }

  // ── who is watched ─────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The members from now on. Of those that stay everything known is kept. `borrowed` are still another group's: they
   * are checked already, but what comes of it counts only when they are followed without.
   */
  follow(members: readonly M[], borrowed: ReadonlySet<Member> = NOBODY): void {
    this.#members = members;
    const gone = new Map(this.#watches);
    for (const member of members) {
      const { health } = member;
      gone.delete(health);
      const watch = this.#watches.get(health) ?? { member, check: null, agent: null, refusal: null, malformed: "" };
      this.#watches.set(health, watch);
      if (!borrowed.has(member) && !health.isWatchedBy(this)) this.#adopt(watch);
    }
    for (const watch of gone.values()) this.#forget(watch);
    for (const watch of this.#watches.values()) this.#arrange(watch);
    if (this.ejection === null || members.length < 2) this.timers.clear(this.#timer);
    else if (this.#timer.deadlineMs === 0) this.timers.set(this.#timer, OUTLIER_INTERVAL_MS);
    this.onHealthChanged();
    this.#keepShare();
    this.#endFirstRound();
  }

  /** It may come from the group before a reload, and bring what checks said that are no longer made. */
  #adopt(watch: Watch<M>): void {
    const { member, check } = watch;
    member.health.attach(this);
    if (this.#definition.check === null) member.health.forgetChecks();
    if (this.#definition.agent === null) {
      member.adjust(null);
      member.health.forgetAgent();
    }
    if (check?.latest) this.#onChecked(watch, check.latest);
  }

  /** At the end, or when another group has taken over: what that one watches now stays untouched. */
  retire(): void {
    this.isRetired = true;
    this.#onFirstRound = null;
    for (const watch of [...this.#watches.values()]) this.#forget(watch);
    this.timers.remove(this.#timer);
  }

  #forget(watch: Watch<M>): void {
    const { health } = watch.member;
    this.#watches.delete(health);
    for (const following of [watch.check, watch.agent, watch.refusal]) following?.stop();
    if (health.isWatchedBy(this)) health.detach();
  }

  /** Starts and ends what its state calls for. Who is in maintenance is left alone, but its agent may call it back. */
  #arrange(watch: Watch<M>): void {
    const { health, address } = watch.member;
    const { check, agent } = this.#definition;
    if (check === null || health.isInMaintenance) watch.check = stopped(watch.check);
    else if (watch.check === null) this.#startChecks(watch, check);
    if (agent === null || address.kind === "unix" || health.isOperatorsMaintenance || !health.isWatchedBy(this))
      watch.agent = stopped(watch.agent);
    else watch.agent ??= this.#checks.followAgent(address, agent, ({ result }) => this.#onAgent(watch, result));
    // The only server is always tried: nothing is gained by asking it.
    if (!health.isRefusing || this.#members.length < 2) watch.refusal = stopped(watch.refusal);
    else watch.refusal ??= this.#followRefusal(watch);
  }

  #startChecks(watch: Watch<M>, check: CheckDefinition): void {
    watch.check = this.#checks.follow(watch.member.address, check, (checked) => {
      this.#onChecked(watch, checked);
      this.#endFirstRound();
    });
    // Another group has it checked already.
    if (watch.check.latest !== null) this.#onChecked(watch, watch.check.latest);
  }

  #followRefusal({ member: { address, health } }: Watch<M>): Following {
    return this.#checks.follow(address, REFUSAL_CHECK, ({ result }) => {
      if (result.port === "accepted" && health.isWatchedBy(this)) health.onAccepted();
    });
  }

  // ── who may be picked ──────────────────────────────────────────────────────────────────────────────────────

  /** Asked again after each `onEligibilityChanged`. */
  eligible(): readonly M[] {
    const { servers, isPanic, healthy, ready } = eligibleOf(this.#members, this.#definition.panicShare);
    if (isPanic !== this.#isPanic) {
      this.#isPanic = isPanic;
      this.#notify({ kind: "panic", upstream: this.#upstream, isPanic, healthy, servers: ready });
    }
    return servers;
  }

  mayEject(): boolean {
    const { ready, ejected } = this.#count();
    return ejected < this.#ejectedMax(ready);
  }

  #ejectedMax(ready: number): number {
    // One of several, whatever the share: else groups of two or three would never put anybody out.
    return ready < 2 ? 0 : Math.max(1, Math.floor(ready * (this.ejection?.shareMax ?? 0) + ROUNDING));
  }

  #count(): { readonly ready: number; readonly ejected: number } {
    if (this.#counts === null) {
      const ready = this.#members.filter(({ health }) => health.isReady);
      const ejected = ready.filter(({ health }) => health.isEjected);
      this.#counts = { ready: ready.length, ejected: ejected.length };
    }
    return this.#counts;
  }

  /**
   * Too many are out when the group has become smaller, or when one that waited for its trial fails it or refuses
   * connections after another server took its place. The one that has just `refused` is not let in for that.
   */
  #keepShare(refused: ServerHealth | null = null): void {
    const { ready, ejected } = this.#count();
    if (ejected <= this.#ejectedMax(ready)) return;
    // Before a reload goes through the others are another group's.
    const out = [...this.#watches.keys()].filter((health) => health.isEjected && health.isWatchedBy(this));
    for (const health of out.filter((health) => health !== refused).sort(byHope)) {
      const { ready, ejected } = this.#count();
      if (ejected <= this.#ejectedMax(ready)) return;
      health.restore("too many of the group would be out");
    }
  }

  onHealthChanged(): void {
    this.#counts = null;
    this.#onEligibilityChanged();
  }

  onStateChanged(server: ServerHealth, from: ServerState): void {
    const watch = this.#watches.get(server);
    if (watch === undefined) return;
    const { state, reason } = server;
    this.#notify({
      kind: "server-state",
      upstream: this.#upstream,
      server: watch.member.label,
      from,
      to: state,
      reason,
    });
    this.#arrange(watch);
    this.#keepShare();
  }

  onRefusingChanged(server: ServerHealth): void {
    const watch = this.#watches.get(server);
    if (watch === undefined) return;
    this.#arrange(watch);
    if (server.isRefusing) this.#keepShare(server);
  }

  // ── what is found out ──────────────────────────────────────────────────────────────────────────────────────

  #onChecked({ member: { health } }: Watch<M>, { result, isUp }: Checked): void {
    if (!health.isWatchedBy(this)) return;
    const isOfPort = this.#definition.check?.port === null;
    if (isOfPort && result.port === "accepted") health.onAccepted();
    if (isOfPort && result.port === "refused") health.onRefused();
    if (result.verdict === "unknown") return;
    const isPassed = result.verdict === "passed";
    health.onChecked({ isPassed, isUp, reason: `a check ${result.verdict}: ${result.reason}` });
  }

  /** An agent that can't be reached says nothing: whether the server can be is for checks to tell. */
  #onAgent(watch: Watch<M>, { reply, port, reason }: CheckResult): void {
    const { member } = watch;
    if (!member.health.isWatchedBy(this)) return;
    if (reply !== undefined) {
      watch.malformed = "";
      this.#obeyAgent(member, reply);
    } else if (port === "accepted" && reason !== watch.malformed) {
      watch.malformed = reason;
      this.#notify({ kind: "agent-malformed", upstream: this.#upstream, server: member.label, reason });
    }
  }

  #obeyAgent(member: M, reply: AgentReply): void {
    const { weightShare, weight, connectionsMax } = reply;
    if (weightShare !== null || weight !== null || connectionsMax !== null) {
      // Balancers may keep tables by weight.
      if (member.adjust(reply)) this.onHealthChanged();
    }
    member.health.onAgent(reply);
  }

  onTimer(): void {
    const outliers = this.ejection?.outliers ?? null;
    if (outliers !== null) {
      const judged = this.#members.map(({ health }) => health).filter(({ state }) => state === "up");
      for (const { sample, rate, threshold } of findOutliers(judged, outliers)) {
        if (!this.mayEject()) break;
        sample.eject(`only ${percent(rate)} of its requests succeeded, where ${percent(threshold)} would be usual`);
      }
    }
    for (const { health } of this.#members) health.endInterval();
    this.timers.set(this.#timer, OUTLIER_INTERVAL_MS);
  }

  // ── administration ─────────────────────────────────────────────────────────────────────────────────────────

  /** Whether there is such a server. The addresses of a name are called `name:port/address`. */
  setState(name: string, state: AdminState): boolean {
    const named = this.#members.filter((member) => isCalled(member, name));
    for (const { health } of named) {
      health.setOperatorState(state, "an operator says so");
      // Where its agent says the same the state stays, but not who may call it back.
      const watch = this.#watches.get(health);
      if (watch !== undefined) this.#arrange(watch);
    }
    return named.length > 0;
  }

  #notify(notice: Parameters<Observer["onNotice"]>[0]): void {
    if (!this.isRetired) this.#surroundings.observer?.onNotice(notice);
  }
}

/** By its label, or by the name that was written, which stands for all the addresses that were found for it. */
export function isCalled({ label }: { readonly label: string }, name: string): boolean {
  // A path is no name that something was found for.
  return label === name || (label.startsWith(`${name}/`) && !label.startsWith("unix:"));
}

/** Where nobody listens nothing is gained; who has been out for long has had more time to become well. */
function byHope(one: ServerHealth, other: ServerHealth): number {
  return Number(one.isRefusing) - Number(other.isRefusing) || one.stateSinceMs - other.stateSinceMs;
}

const NOBODY: ReadonlySet<Member> = new Set();

function stopped(following: Following | null): null {
  following?.stop();
  return null;
}

/** 0.29 of 100 is 28.999… */
const ROUNDING = 1e-9;

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
