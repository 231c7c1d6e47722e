/**
 * The proxy: rooms from a snapshot, starting, reloading, draining and stopping. The only file that knows all.
 *
 *     reload:  plan ─► deploy beside the old ─► new listeners listen ─► warm up ─► swap ─► what is gone departs
 *                       └──────────── anything wrong: all of it undone ───────────┘
 */

import { Slab } from "./bytes/slab.ts";
import { type Deployment, deploy, deploying, handOver } from "./exchange/deployment.ts";
import type { Engine } from "./exchange/engine.ts";
import { InFlight } from "./exchange/in-flight.ts";
import { innerFetch } from "./exchange/inner-client.ts";
import { planningReload, type ReloadChanges, type ReloadPlan } from "./exchange/reload-plan.ts";
import { ReplayBudget } from "./exchange/replay-budget.ts";
import type { Snapshot } from "./exchange/snapshot.ts";
import { Checks } from "./health/checks.ts";
import type { AdminState } from "./health/definition.ts";
import { DEFECTS_KEPT_MAX, FIRST_NAMES_MS, LAST_CHANCE_MS, SLICE_MS, TICK_MS, WARM_UP_MS } from "./limits.ts";
import { Departures, underWayOn } from "./listen/departures.ts";
import { Doors } from "./listen/doors.ts";
import { Listener } from "./listen/listener.ts";
import { closeAll, type ListenFailure, listenAll } from "./listen/listeners.ts";
import { Pressure } from "./listen/pressure.ts";
import type { Observer } from "./observe/events.ts";
import { GuardedObserver } from "./observe/guarded-observer.ts";
import type { Trace } from "./observe/trace.ts";
import { type TraceFilter, TraceRing } from "./observe/trace-ring.ts";
import type { NotReloaded, ProxyOptions, Reloaded, Proxy as Running } from "./proxy-interface.ts";
import type { Address, Runtime, Socket, Ticker } from "./runtime.ts";
import type { CacheCounts } from "./script/cache.ts";
import { type HookSurroundings, hookSurroundings } from "./script/hook.ts";
import { type HookView, viewOf } from "./script/hook-view.ts";
import { Unloading } from "./script/unloading.ts";
import { HttpDate } from "./time/date.ts";
import { goOnFor, type Steps } from "./time/steps.ts";
import { Timer, Timers } from "./time/timers.ts";
import type { Group } from "./upstream/group.ts";
import { type DiscoverySurroundings, Names } from "./upstream/names.ts";
import { affordableConnections, ServerConnections } from "./upstream/server-connections.ts";
import { type ServerView, serverViews } from "./upstream/server-view.ts";

export type { CacheCounts, HookView, ListenFailure, NotReloaded, ProxyOptions, Reloaded, Running as Proxy, ServerView };

/** Makes a proxy on a runtime; nothing listens before `start`. */
export function createProxy(options: ProxyOptions): Running {
  return new RunningProxy(options);
}

class RunningProxy implements Running, Engine {
  readonly runtime: Runtime;
  readonly observer: Observer;
  readonly timers: Timers;
  readonly slab: Slab;
  readonly date: HttpDate;
  readonly checks: Checks;
  readonly traceRing: TraceRing;
  readonly discovery: DiscoverySurroundings;
  readonly serverConnections: ServerConnections;
  readonly hooks: HookSurroundings;
  deployment: Deployment;
  isDraining = false;
  #listeners: readonly Listener[];
  readonly #doors: Doors;
  readonly inFlight: InFlight;
  readonly replayBudget: ReplayBudget;
  readonly #pressure: Pressure;
  readonly #idPrefix: string;
  readonly #defects: unknown[] = [];
  #requests = 0;
  #ticker: Ticker | null = null;
  /** No longer accepting. */
  #hasClosed = false;
  #lastChanceMs = LAST_CHANCE_MS;
  /** Ends what is waited for. */
  readonly #waits = new Set<() => void>();
  /** Of a reload that is under way: it is called off. */
  #endWarmUp: () => void = () => {};
  readonly #departures = new Set<Departures>();
  readonly #unloading: Unloading;
  #stopped: Promise<void> | null = null;
  /** The last one of those that take turns. */
  #reloading: Promise<unknown> = Promise.resolve();

  constructor({ runtime, snapshot, observer, serverLists }: ProxyOptions) {
    this.runtime = runtime;
    this.observer = new GuardedObserver(observer ?? UNWATCHED, (defect) => this.reportDefect(defect));
    this.timers = new Timers(runtime.now());
    this.slab = new Slab((memory) => runtime.isWritten(memory));
    this.traceRing = new TraceRing(snapshot.trace);
    this.date = new HttpDate(() => runtime.wallClockMs());
    this.checks = new Checks(this);
    this.checks.goBy(snapshot.limits);
    const names = new Names({ runtime, timers: this.timers, observer: this.observer, rules: snapshot.dns });
    this.discovery = { names, lists: serverLists ?? null, notify: (notice) => this.observer.onNotice(notice) };
    this.serverConnections = new ServerConnections(affordableConnections(runtime));
    this.hooks = hookSurroundings(this, innerFetch(this));
    this.#unloading = new Unloading(this.hooks);
    this.deployment = deploy(snapshot, this);
    this.inFlight = new InFlight(snapshot.limits.inFlightMax);
    this.replayBudget = new ReplayBudget(snapshot.limits.replayTotalBytesMax);
    this.#pressure = new Pressure(this);
    this.#pressure.goBy(snapshot.limits);
    this.#doors = new Doors(this, this.#pressure);
    this.#listeners = snapshot.listeners.map((definition) => new Listener(this, definition, this.#pressure));
    this.#idPrefix = [...runtime.randomBytes(6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  get addresses(): readonly Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  get #entrances(): readonly Listener[] {
    return [...this.#listeners, ...this.#doors.all];
  }

  get connectionCount(): number {
    return this.#pressure.connections;
  }

  keepsConnection(isFirst: boolean): boolean {
    return !this.isDraining && this.#pressure.keepsConnection(isFirst);
  }

  async start(): Promise<void> {
    this.#ticker = this.runtime.every(TICK_MS, () => this.#tick());
    await this.#findServers();
    if (this.isDraining) return;
    const failure = await listenAll(this.#listeners);
    if (failure !== null) {
      await this.stop();
      throw failure;
    }
    // Whoever stops meanwhile finds listeners that don't listen yet.
    if (this.isDraining) await closeAll(this.#listeners);
    else for (const listener of [...this.#listeners, this.#doors]) listener.open();
  }

  accept(socket: Socket, listener = "program"): void {
    this.#doors.accept(socket, listener);
  }

  reload(snapshot: Snapshot): Promise<Reloaded | NotReloaded> {
    const turn = this.#reloading.then(() => this.#reload(snapshot));
    this.#reloading = turn.catch(() => {});
    return turn;
  }

  async #reload(snapshot: Snapshot): Promise<Reloaded | NotReloaded> {
    if (this.isDraining) return this.#refuse(snapshot, null);
    const previous = this.deployment;
    const plan = await this.#inSlices(planningReload(previous.snapshot, snapshot, this.addresses));
    this.discovery.names.rules = snapshot.dns;
    const next = await this.#inSlices(deploying(snapshot, this, previous));
    const fresh = [...next.groups.values()].filter((group) => previous.groups.get(group.definition.name) !== group);
    const listeners = snapshot.listeners.map(
      (definition, index) =>
        this.#listeners[plan.listenersFrom[index]!] ?? new Listener(this, definition, this.#pressure),
    );
    const added = listeners.filter((listener) => !this.#listeners.includes(listener));
    const lost = listeners.filter((listener) => listener.isLost);
    const failure = await listenAll([...added, ...lost]);
    if (failure === null) await this.#warmUp(fresh);
    if (failure !== null || this.isDraining) {
      for (const group of fresh) group.abandon();
      this.discovery.names.rules = previous.snapshot.dns;
      await closeAll(added);
      return this.#refuse(snapshot, failure);
    }
    const removed = this.#swap(plan, next, listeners);
    await Promise.all(removed.map((listener) => listener.stopAccepting()));
    return { changes: withChanged(plan.changes, lost) };
  }

  /** Its code has run, and may have opened something. */
  #refuse({ onUnload }: Snapshot, refused: ListenFailure | null): NotReloaded {
    if (onUnload !== null && onUnload !== this.deployment.snapshot.onUnload)
      this.#unloading.replace(onUnload, () => false);
    return { refused };
  }

  /** The one step. Answers the listeners that leave. */
  #swap(plan: ReloadPlan, next: Deployment, listeners: readonly Listener[]): readonly Listener[] {
    const previous = this.deployment;
    const removed = plan.listenersRemoved.map((place) => this.#listeners[place]!);
    const sessions = this.#entrances.flatMap((listener) => [...listener.sessions]);
    const { snapshot } = next;
    this.deployment = next;
    this.#listeners = listeners;
    this.#pressure.goBy(snapshot.limits);
    this.checks.goBy(snapshot.limits);
    this.traceRing.goBy(snapshot.trace);
    this.replayBudget.bytesMax = snapshot.limits.replayTotalBytesMax;
    for (const { exchange } of sessions) exchange?.onReplaced();
    const retired = handOver(previous, next);
    for (const [index, listener] of listeners.entries()) {
      listener.goBy(snapshot.listeners[index]!);
      listener.open();
    }
    for (const listener of removed) listener.isLeaving = true;
    const judge = { keepsRoute: plan.keepsRoute, retired };
    for (const departures of this.#departures) departures.pardon(judge);
    const departures = new Departures(this.timers, removed, () => this.#departures.delete(departures));
    this.#departures.add(departures);
    departures.begin(sessions, judge, previous.snapshot.timeouts.drainMs);
    const { onUnload } = previous.snapshot;
    if (onUnload !== null && onUnload !== snapshot.onUnload) {
      const leaving = [...this.#departures].flatMap((each) => each.listeners);
      for (const listener of leaving) sessions.push(...listener.sessions);
      const isUnderWay = underWayOn(onUnload, sessions);
      const isTelling = previous.registry.telling(next.registry);
      this.#unloading.replace(onUnload, () => isUnderWay() || isTelling());
    }
    return removed;
  }

  /** Requests come in between. */
  async #inSlices<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const step = goOnFor(steps, SLICE_MS, () => this.runtime.now());
      if (step.done === true) return step.value;
      await this.#wait(0, () => {});
    }
  }

  /** New groups get ready, within a bound: what is not ready then gets so under way, as after a start. */
  #warmUp(groups: readonly Group[]): Promise<void> {
    let cold = groups.length;
    return this.#wait(WARM_UP_MS, (done) => {
      this.#endWarmUp = done;
      const warmed = () => {
        if (--cold <= 0) done();
      };
      if (cold === 0) done();
      for (const group of groups) group.warm(warmed);
    });
  }

  /** Waits for the first answers of DNS, but not for long: an upstream without any answers 503 until it has one. */
  async #findServers(): Promise<void> {
    const groups = [...this.deployment.groups.values()];
    this.discovery.names.start();
    if (this.discovery.names.count === 0) return;
    let missing = groups.length;
    await this.#wait(FIRST_NAMES_MS, (done) => {
      this.#endWarmUp = done;
      const found = () => {
        if (--missing === 0) done();
      };
      for (const group of groups) group.whenDiscovered(found);
    });
  }

  async drain(deadlineMs = this.deployment.snapshot.timeouts.drainMs): Promise<boolean> {
    this.isDraining = true;
    this.#endWarmUp();
    const { drainDelayMs } = this.deployment.snapshot.timeouts;
    if (drainDelayMs > 0 && !this.#hasClosed) await this.#wait(drainDelayMs, () => {});
    this.#lastChanceMs = Math.min(LAST_CHANCE_MS, deadlineMs / 2);
    const over = this.#wait(deadlineMs, () => {});
    this.#doors.shut();
    this.#closeIdle();
    await Promise.all(this.#listeners.map((listener) => listener.stopAccepting()));
    // Only from here on nobody comes any more whom the kernel had accepted before.
    this.#hasClosed = true;
    this.#checkEmpty();
    await over;
    // Clients that do not close after their answer have lost nothing.
    const leaving = [...this.#departures].flatMap(({ listeners }) => listeners);
    const sessions = [...this.#entrances, ...leaving].flatMap((listener) => [...listener.sessions]);
    const isComplete = sessions.every(({ hasSaidAll }) => hasSaidAll);
    await this.stop();
    return isComplete;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.isDraining = true;
    this.#hasClosed = true;
    this.#doors.shut();
    this.#endWaits();
    const departing = [...this.#departures];
    for (const departures of departing) departures.end();
    const leaving = departing.flatMap(({ listeners }) => listeners);
    for (const group of this.deployment.groups.values()) group.retire();
    this.deployment.targets?.retire();
    await closeAll([...this.#entrances, ...leaving]);
    await this.#reloading;
    await this.hooks.background.end();
    await this.#unloading.end(this.deployment.snapshot.onUnload);
    // One for each tick: behind the last one nobody would hear of them.
    while (this.#defects.length > 0 && this.#ticker !== null) await this.#wait(0, () => {});
    this.#ticker?.stop();
    this.#ticker = null;
  }

  setServerState(upstream: string, server: string, state: AdminState): boolean {
    return this.deployment.groups.get(upstream)?.setServerState(server, state) ?? false;
  }

  serverStates(): ServerView[] {
    return serverViews(this.deployment.groups);
  }

  hookStates(): HookView[] {
    return this.deployment.registry.hooks.map(viewOf);
  }

  trace(requestId: string): Trace | null {
    return this.traceRing.find(requestId);
  }

  traces(filter?: TraceFilter): Trace[] {
    return this.traceRing.list(filter);
  }

  get cacheCounts(): CacheCounts {
    return this.hooks.cache.counts;
  }

  /** A prefix nobody can guess and a count: unique, short to read aloud, found in the log by its end. */
  nextRequestId(): string {
    this.#requests++;
    return `${this.#idPrefix}-${this.#requests.toString(36)}`;
  }

  reportDefect(error: unknown): void {
    if (this.#defects.length < DEFECTS_KEPT_MAX) this.#defects.push(error);
  }

  #tick(): void {
    this.timers.advance(this.runtime.now());
    this.#pressure.onTick();
    for (const departures of this.#departures) departures.check();
    this.#unloading.check();
    if (this.#hasClosed) this.#checkEmpty();
    if (this.#defects.length > 0) throw this.#defects.shift();
  }

  #checkEmpty(): void {
    if (this.#pressure.connections === 0) this.#endWaits();
    else this.#closeIdle();
  }

  #closeIdle(): void {
    for (const listener of this.#entrances) listener.closeIdle(this.#lastChanceMs);
  }

  /** Resolves when `done` is called, after `delayMs`, or when nobody wants to wait any more. */
  #wait(delayMs: number, begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.timers.remove(deadline);
        this.#waits.delete(done);
        resolve();
      };
      const deadline = new Timer({ onTimer: done });
      this.timers.set(deadline, delayMs);
      this.#waits.add(done);
      begin(done);
    });
  }

  #endWaits(): void {
    for (const done of [...this.#waits]) done();
  }
}

/** A listener that listens anew has changed, though its address has not. */
function withChanged({ listeners, ...changes }: ReloadChanges, anew: readonly Listener[]): ReloadChanges {
  const changed = new Set([...listeners.changed, ...anew.map(({ name }) => name)]);
  return { ...changes, listeners: { ...listeners, changed: [...changed] } };
}

const UNWATCHED: Observer = { wantsTimes: false, onExchange() {}, onNotice() {} };
