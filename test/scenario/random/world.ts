/** One random schedule at work: the proxy, its servers, its clients, and what happens to the servers meanwhile. */

import assert from "node:assert/strict";
import { compileConfig } from "../../../core/config/compile.ts";
import type { Engine } from "../../../core/exchange/engine.ts";
import type { Snapshot } from "../../../core/exchange/snapshot.ts";
import type { FinishedExchange } from "../../../core/observe/events.ts";
import { createProxy, type Proxy as Millrace } from "../../../core/proxy.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { Group } from "../../../core/upstream/group.ts";
import { type Seeded, seeded } from "../../../testing/seeded.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";
import { isOfRequest, watchTimers } from "../../support/running-timers.ts";
import { type Actor, addClient } from "./clients.ts";
import { hooksOf } from "./hooks.ts";
import { addIncidents } from "./incidents.ts";
import type { RequestPlan } from "./request-plan.ts";
import { RandomServer } from "./servers.ts";
import { type Setting, settingOf, TAKEN } from "./setting.ts";

/** Of all groups of all worlds, for groups come and go with reloads. */
const counted = { picks: 0, reports: 0 };
const { pick, onPlaceTaken, report } = Group.prototype;
Group.prototype.pick = function (...args: Parameters<Group["pick"]>): ReturnType<Group["pick"]> {
  const picked = pick.apply(this, args);
  if (picked !== null) counted.picks++;
  return picked;
};
/** A place in place of a pick, after waiting. */
Group.prototype.onPlaceTaken = function (...args: Parameters<Group["onPlaceTaken"]>): void {
  counted.picks++;
  onPlaceTaken.apply(this, args);
};
Group.prototype.report = function (...args: Parameters<Group["report"]>): void {
  counted.reports++;
  report.apply(this, args);
};

/** What was told of a finished request. */
export interface Report {
  readonly requestId: string;
  readonly target: string;
  readonly method: string;
  readonly status: number;
  readonly fault: string;
  readonly attempts: number;
  readonly server: string;
  readonly durationMs: number;
}

export class World {
  readonly setting: Setting;
  readonly sim: Simulation;
  readonly proxy: Millrace;
  readonly engine: Engine;
  readonly servers: readonly RandomServer[];
  readonly plans = new Map<string, RequestPlan>();
  readonly actors: Actor[] = [];
  readonly exchanges: Report[] = [];
  /** The kinds of what was noticed beside requests. */
  readonly notices = new Set<string>();
  /** A drain began: what comes later may be refused. */
  isDraining = false;
  readonly #random: Seeded;
  /** Of the route; null: it has none. */
  readonly #hooks: object | null;
  /** What runs by promises. */
  readonly #background: Promise<unknown>[] = [];
  readonly #countedBefore = { ...counted };
  readonly #timersRunning: () => number;
  /** Every server there ever was, also those a reload has taken away. */
  readonly #endpointsSeen = new Set<Endpoint>();

  constructor(seed: number) {
    const random = seeded(seed);
    this.#random = random;
    const setting = settingOf(random);
    this.#hooks = hooksOf(() => this, seeded(seed + HOOK_SEEDS), setting.addresses);
    this.setting = setting;
    this.sim = createSimulation({ seed, log: false, ...this.setting.simulation });
    this.servers = this.setting.addresses.map((address) => new RandomServer(this, random, address));
    this.proxy = createProxy({
      runtime: this.sim.runtime,
      snapshot: snapshotOf(this.#withHooks(this.setting.config)),
      observer: {
        wantsTimes: true,
        onExchange: (exchange) => void this.exchanges.push(reportOf(exchange)),
        onNotice: ({ kind }) => void this.notices.add(kind),
      },
    });
    this.engine = this.proxy as unknown as Engine;
    this.#timersRunning = watchTimers(this.engine.timers, isOfRequest);
  }

  async play(): Promise<void> {
    for (const server of this.servers) await server.start(this.setting.serverEnd);
    this.sim.serve(TAKEN, () => {});
    await this.proxy.start();
    const clients = this.#random.between(1, 6);
    for (let i = 0; i < clients; i++) this.actors.push(addClient(this, this.#random, i));
    addIncidents(this, this.#random);
    const lastSendMs = Math.max(...this.actors.map((actor) => actor.lastSendMs));
    for (let passedMs = 0; passedMs < lastSendMs; passedMs += STEP_MS) await this.#pass(STEP_MS);
    await this.#rest();
    // Whoever still takes its time has the rest in its own kernel.
    for (const { peer } of this.actors) {
      peer.onReceive = null;
      peer.readOn();
    }
    await this.#pass(SETTLE_MS);
    await this.#rest();
  }

  /** Goes by another configuration, if that can be taken. */
  reload(config: object): void {
    this.#noteEndpoints();
    this.inBackground(this.proxy.reload(snapshotOf(this.#withHooks(config))).then(() => this.#noteEndpoints()));
  }

  /** Something that takes its time; that it fails is a defect. */
  inBackground(work: Promise<unknown>): void {
    this.#background.push(work);
    work.catch(() => {});
  }

  /** Stops, and checks that nothing is left. */
  async close(): Promise<void> {
    for (const { peer } of this.actors) if (!peer.isGone) peer.reset();
    this.sim.advance(SETTLE_MS);
    await this.sim.settle();
    // What only ended now has hooks of its own, and those their time.
    if (this.#hooks !== null) await this.#pass(HOOKS_MS);
    // A reload that warms up has a deadline of its own.
    await this.sim.until(Promise.all(this.#background), 20_000);
    this.#noteEndpoints();
    let idle = 0;
    for (const { label, inFlight, connections } of this.#endpointsSeen) {
      assert.equal(inFlight, 0, `${label}: requests in flight`);
      assert.equal(connections.count, connections.idleCount, `${label}: connections beside the idle ones`);
      idle += connections.idleCount;
    }
    assert.equal(this.proxy.connectionCount, 0, "client connections");
    assert.equal(this.engine.inFlight.count, 0, "requests under way in all");
    assert.equal(this.engine.replayBudget.usedBytes, 0, "bytes kept for second tries");
    this.#checkReports();
    const left = this.#checkHooks();
    const running = this.#timersRunning();
    const own = this.setting.timersPerServer * this.#endpointsSeen.size;
    assert.ok(running <= idle + own + left, `${running} deadlines run beside ${idle} of idle connections`);
    await this.sim.until(this.proxy.drain(1_000), 5_000);
    for (const server of this.servers) await server.close();
    this.sim.assertQuiet();
  }

  /** Before a reload may take some away. */
  #noteEndpoints(): void {
    for (const group of this.engine.deployment.groups.values()) {
      for (const endpoint of group.endpoints) this.#endpointsSeen.add(endpoint);
    }
  }

  async #pass(ms: number): Promise<void> {
    this.sim.advance(ms);
    if (this.#background.length > 0 || this.#hooks !== null) await this.sim.settle();
  }

  /** Reloads bring the very same functions. */
  #withHooks(config: object): object {
    return this.#hooks === null ? config : { ...config, routes: [{ upstream: "app", hooks: this.#hooks }] };
  }

  /** Whoever still thinks is waited for by nobody; answers how many have no time left, for the proxy was stopped. */
  #checkHooks(): number {
    let left = 0;
    for (const { name, kind, pending, hung, calls } of this.proxy.hookStates()) {
      const waiting = pending - hung;
      const isLeft = kind === "onFinish" && this.isDraining && waiting > 0;
      if (isLeft) left += waiting;
      const numbers = `${name}: ${pending} pending, ${hung} of them hung, ${calls} calls`;
      assert.ok(hung >= 0 && pending <= calls && (waiting === 0 || isLeft), numbers);
    }
    return left;
  }

  /** Until nobody is there any more, or for as long as the longest story may take. */
  async #rest(): Promise<void> {
    for (let passedMs = 0; passedMs < QUIET_MS && this.proxy.connectionCount > 0; passedMs += STEP_MS) {
      await this.#pass(STEP_MS);
    }
  }

  /** Each try is reported once, and so is each server that was picked and then not asked. */
  #checkReports(): void {
    const picks = counted.picks - this.#countedBefore.picks;
    const reports = counted.reports - this.#countedBefore.reports;
    const tries = this.exchanges.reduce((sum, { attempts }) => sum + attempts, 0);
    const numbers = `${tries} tries, ${picks} picks, ${reports} reports`;
    assert.ok(reports >= tries && reports <= tries + picks, numbers);
  }
}

/** Far from those of schedules, or neighbours would resemble each other. */
const HOOK_SEEDS = 1_000_003;
/** Longer than a hook may take. */
const HOOKS_MS = 1_000;
const QUIET_MS = 60_000;
/** Promises get their turn after each. */
const STEP_MS = 100;
/** Longer than a connect may take. */
const SETTLE_MS = 2_000;

function snapshotOf(config: object): Snapshot {
  const compiled = compileConfig(config);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

function reportOf(exchange: FinishedExchange): Report {
  const { requestId, target, method, status, fault, attempts, server, durationMs } = exchange;
  return { requestId, target, method, status, fault: fault === null ? "" : fault.code, attempts, server, durationMs };
}
