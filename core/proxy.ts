/** The proxy: builds its rooms from a snapshot, starts the listeners, drains and stops. The only file that knows all. */

import { Slab } from "./bytes/slab.ts";
import { type Deployment, deploy } from "./exchange/deployment.ts";
import type { Engine } from "./exchange/engine.ts";
import { InFlight } from "./exchange/in-flight.ts";
import { ReplayBudget } from "./exchange/replay-budget.ts";
import type { Snapshot } from "./exchange/snapshot.ts";
import { TICK_MS } from "./limits.ts";
import { Listener } from "./listen/listener.ts";
import { Pressure } from "./listen/pressure.ts";
import type { Observer } from "./observe/events.ts";
import type { Address, Runtime, Ticker } from "./runtime.ts";
import { HttpDate } from "./time/date.ts";
import { Timer, Timers } from "./time/timers.ts";

export interface ProxyOptions {
  readonly runtime: Runtime;
  readonly snapshot: Snapshot;
  /** Told of every finished request; leave it out to watch nothing. */
  readonly observer?: Observer;
}

export interface Proxy {
  /** Resolves when every listener listens. Rejects with a ListenFailure, and then listens nowhere. */
  start(): Promise<void>;
  /** Where it really listens, in the order of the configuration. */
  readonly addresses: readonly Address[];
  /** Client connections open now. */
  readonly connectionCount: number;
  /**
   * Stops accepting, closes idle connections, lets requests under way finish and closes the rest after `deadlineMs`
   * (default: `timeouts.drain`). Resolves when nothing is left.
   */
  drain(deadlineMs?: number): Promise<void>;
  /** Stops at once. */
  stop(): Promise<void>;
}

/** A listener that could not be opened. */
export interface ListenFailure {
  readonly listener: string;
  readonly code: string;
  readonly message: string;
}

export function createProxy(options: ProxyOptions): Proxy {
  return new RunningProxy(options);
}

class RunningProxy implements Proxy, Engine {
  readonly runtime: Runtime;
  readonly observer: Observer;
  readonly timers: Timers;
  readonly slab = new Slab();
  readonly date: HttpDate;
  readonly deployment: Deployment;
  isDraining = false;
  readonly #listeners: Listener[];
  readonly inFlight: InFlight;
  readonly replayBudget: ReplayBudget;
  readonly #pressure: Pressure;
  readonly #idPrefix: string;
  readonly #defects: unknown[] = [];
  #requests = 0;
  #ticker: Ticker | null = null;
  /** Drains under way. */
  readonly #drains: (() => void)[] = [];

  constructor({ runtime, snapshot, observer }: ProxyOptions) {
    this.runtime = runtime;
    this.observer = observer ?? UNWATCHED;
    this.timers = new Timers(runtime.now());
    this.date = new HttpDate(() => runtime.wallClockMs());
    this.deployment = deploy(snapshot, this);
    this.inFlight = new InFlight(snapshot.limits.inFlightMax);
    this.replayBudget = new ReplayBudget(snapshot.limits.replayTotalBytesMax);
    this.#pressure = new Pressure(this.timers, this.inFlight);
    this.#pressure.goBy(snapshot.limits, runtime);
    this.#listeners = snapshot.listeners.map((definition) => new Listener(this, definition, this.#pressure));
    this.#idPrefix = [...runtime.randomBytes(6)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  get addresses(): readonly Address[] {
    return this.#listeners.map((listener) => listener.address);
  }

  get connectionCount(): number {
    return this.#pressure.connections;
  }

  get keepsConnections(): boolean {
    return !this.isDraining && !this.#pressure.isTight;
  }

  async start(): Promise<void> {
    this.#ticker = this.runtime.every(TICK_MS, () => this.#tick());
    for (const listener of this.#listeners) {
      try {
        await listener.start();
      } catch (error) {
        await this.stop();
        const { code, message } = error as { code: string; message: string };
        const failure: ListenFailure = { listener: listener.definition.name, code, message };
        throw failure;
      }
    }
  }

  async drain(deadlineMs = this.deployment.snapshot.timeouts.drainMs): Promise<void> {
    this.isDraining = true;
    const closing = this.#listeners.map((listener) => listener.stopAccepting());
    for (const listener of this.#listeners) listener.closeIdle();
    const deadline = new Timer({ onTimer: () => this.#endDrains() });
    this.timers.set(deadline, deadlineMs);
    await new Promise<void>((resolve) => {
      this.#drains.push(resolve);
      this.#checkEmpty();
    });
    this.timers.clear(deadline);
    await Promise.all(closing);
    await this.stop();
  }

  async stop(): Promise<void> {
    this.isDraining = true;
    for (const listener of this.#listeners) listener.closeAll();
    for (const group of this.deployment.groups.values()) group.retire();
    await Promise.all(this.#listeners.map((listener) => listener.stopAccepting()));
    this.#ticker?.stop();
    this.#ticker = null;
    this.#endDrains();
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
    if (this.isDraining) this.#checkEmpty();
    if (this.#defects.length > 0) throw this.#defects.shift();
  }

  #checkEmpty(): void {
    if (this.#pressure.connections === 0) this.#endDrains();
    else for (const listener of this.#listeners) listener.closeIdle();
  }

  #endDrains(): void {
    for (const resolve of this.#drains.splice(0)) resolve();
  }
}

/** The first ones tell as much as a thousand. */
const DEFECTS_KEPT_MAX = 16;

const UNWATCHED: Observer = { wantsTimes: false, onExchange() {}, onNotice() {} };
