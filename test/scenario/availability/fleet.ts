/**
 * The bench of the availability rows (A01 to A40): Millrace between clients that come by a fixed schedule and servers
 * that fail by plan, on a clock that is moved.
 *
 *     const fleet = await fleetOf({ servers: 3 });
 *     fleet.server(1).refuse();
 *     fleet.load({ everyMs: 10, forMs: 10_000 });
 *     fleet.pass(11_000);
 *     assert.deepEqual(fleet.tally(), { ok: 1_000 });
 */

import assert from "node:assert/strict";
import { addressText } from "../../../core/config/address.ts";
import { compileConfig } from "../../../core/config/compile.ts";
import type { Engine } from "../../../core/exchange/engine.ts";
import type { Snapshot } from "../../../core/exchange/snapshot.ts";
import type { FinishedExchange, Notice } from "../../../core/observe/events.ts";
import { createProxy, type Proxy as Millrace } from "../../../core/proxy.ts";
import type { Runtime } from "../../../core/runtime.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { createSimulation, type EndOptions, type Simulation, type SimulationOptions } from "../../../testing/sim.ts";
import { watchTimers } from "../../support/running-timers.ts";
import { type Asked, type AskOptions, FleetClients } from "./fleet-client.ts";
import { type Arrival, bodyFor, FleetServer, type ServerPlan } from "./fleet-server.ts";

export const LISTEN = "127.0.0.1:8080";

export interface FleetOptions extends Partial<SimulationOptions> {
  readonly servers?: number;
  /** Where they are; 127.0.0.1:9001 and on when left out. */
  readonly addresses?: readonly string[];
  /** What all servers do at first. */
  readonly plan?: ServerPlan;
  /** Keys of the upstream `app` beside its servers. */
  readonly upstream?: Record<string, unknown>;
  /** Further keys of the configuration. */
  readonly config?: Record<string, unknown>;
  /** The whole of `servers`, when addresses are not enough. */
  readonly list?: readonly unknown[];
  readonly serverEnd?: EndOptions;
  /** Before anything starts: names, and addresses that hang. */
  readonly prepare?: (fleet: Pick<Fleet, "sim">) => void;
  /** Told of every connect, and of its end. */
  readonly onConnect?: (address: string, isOver: boolean) => void;
}

/** What was told of a finished request. */
export interface Report {
  readonly target: string;
  readonly status: number;
  readonly fault: string;
  readonly attempts: number;
  readonly server: string;
}

export interface Load extends AskOptions {
  readonly everyMs: number;
  readonly forMs: number;
  readonly startMs?: number;
  /** Called with the number of the request, for its method. */
  readonly methods?: readonly string[];
}

export class Fleet {
  readonly sim: Simulation;
  readonly proxy: Millrace;
  readonly engine: Engine;
  readonly servers: readonly FleetServer[];
  readonly clients: FleetClients;
  readonly reports: Report[] = [];
  readonly notices: Notice[] = [];
  readonly #options: FleetOptions;
  readonly #timersRunning: () => number;

  constructor(options: FleetOptions) {
    this.#options = options;
    const sim = createSimulation({ seed: 1, ...options });
    this.sim = sim;
    options.prepare?.(this);
    const addresses = options.addresses ?? Array.from({ length: options.servers ?? 3 }, (_, i) => addressAt(i));
    this.servers = addresses.map((address, i) => new FleetServer(sim, `s${i + 1}`, address));
    for (const server of this.servers) server.plan = options.plan ?? {};
    this.clients = new FleetClients(sim, LISTEN, (nonce) => bodyFor(nonce, options.plan?.bodyBytes ?? 0));
    this.proxy = createProxy({
      runtime: this.#watched(sim.runtime),
      snapshot: this.compile(),
      observer: {
        wantsTimes: false,
        onExchange: (exchange) => void this.reports.push(reportOf(exchange)),
        onNotice: (notice) => void this.notices.push(notice),
      },
    });
    this.engine = this.proxy as unknown as Engine;
    this.#timersRunning = watchTimers(this.engine.timers);
  }

  /** The configuration as it stands, with other keys of the upstream, and others beside. */
  compile(upstream: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Snapshot {
    const { list, upstream: own, config: ownConfig } = this.#options;
    const servers = list ?? this.servers.map(({ address }) => address);
    const compiled = compileConfig({
      listeners: [LISTEN],
      upstreams: { app: { servers, ...own, ...upstream } },
      routes: [{ upstream: "app" }],
      ...ownConfig,
      ...config,
    });
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2));
    return compiled.snapshot;
  }

  /** Goes by another configuration from now on; the clock moves meanwhile. False: it was not taken. */
  async reload(upstream: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Promise<boolean> {
    const result = await this.sim.until(this.proxy.reload(this.compile(upstream, config)), 20_000);
    return "changes" in result;
  }

  /** By number, from 1. */
  server(number: number): FleetServer {
    const server = this.servers[number - 1];
    if (server === undefined) throw new Error(`there is no server ${number}`);
    return server;
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.engine.deployment.groups.values()].flatMap((group) => group.endpoints);
  }

  /** Requests by a fixed schedule, whatever becomes of those before. They happen as the clock is moved. */
  load({ everyMs, forMs, startMs = 0, methods, ...options }: Load): void {
    const count = Math.round(forMs / everyMs);
    for (let i = 0; i < count; i++) {
      const method = methods?.[i % methods.length];
      this.sim.clock.appoint(startMs + i * everyMs, () => {
        this.clients.ask(method === undefined ? options : { ...options, method });
      });
    }
  }

  ask(options: AskOptions = {}): Asked {
    const asked = this.clients.ask(options);
    this.sim.drive();
    return asked;
  }

  pass(ms: number): void {
    this.sim.advance(ms);
    this.sim.drive();
  }

  tally(asked?: readonly Asked[]): Record<string, number> {
    this.clients.settle();
    return this.clients.tally(asked);
  }

  get asked(): readonly Asked[] {
    return this.clients.asked;
  }

  /** What was asked from `fromMs` on and before `toMs`. */
  askedWithin(fromMs: number, toMs = Number.POSITIVE_INFINITY): readonly Asked[] {
    return this.asked.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  }

  /** Every request that reached a server, by nonce. */
  arrivals(): Map<string, Arrival[]> {
    const all = new Map<string, Arrival[]>();
    for (const server of this.servers) {
      for (const arrival of server.arrivals) {
        const known = all.get(arrival.nonce);
        if (known === undefined) all.set(arrival.nonce, [arrival]);
        else known.push(arrival);
      }
    }
    return all;
  }

  /** Nonces of requests that reached servers more than once. */
  duplicates(isCounted: (method: string) => boolean = () => true): string[] {
    return [...this.arrivals()].flatMap(([nonce, all]) =>
      all.length > 1 && isCounted(all[0]?.method ?? "") ? [nonce] : [],
    );
  }

  /** How often `server` went out or came in again, as far as it was told: being on trial is a part of being out. */
  stateChanges(server: FleetServer): number {
    const told = this.notices.filter((notice) => notice.kind === "server-state" && notice.server === server.address);
    return told.filter((notice) => "to" in notice && (notice.to === "up" || notice.from === "up")).length;
  }

  /** Names of the states of all servers now, in order. */
  states(): string[] {
    return this.proxy.serverStates().map(({ state }) => state);
  }

  /** Tries per request. */
  get triesPerRequest(): number {
    return this.reports.reduce((sum, { attempts }) => sum + attempts, 0) / Math.max(1, this.reports.length);
  }

  /** Deadlines that run. */
  get timersRunning(): number {
    return this.#timersRunning();
  }

  /** Lets the clients go, checks that nothing is left of their requests, and stops. */
  async close(): Promise<void> {
    for (const peer of this.clients.peers) if (!peer.isGone) peer.reset();
    this.sim.advance(SETTLE_MS);
    await this.sim.settle();
    for (const { label, inFlight } of this.endpoints) assert.equal(inFlight, 0, `${label}: requests in flight`);
    assert.equal(this.proxy.connectionCount, 0, "client connections");
    const targets = this.reports.map(({ target }) => target);
    assert.equal(new Set(targets).size, targets.length, "each request is reported once");
    for (const server of this.servers) assert.deepEqual(server.errors(), [], `${server.name} got HTTP`);
    await this.sim.until(this.proxy.drain(1_000), 5_000);
    for (const server of this.servers) await server.close();
    this.sim.drive();
    assert.equal(this.engine.serverConnections?.count, 0, "connections to servers");
    this.sim.assertQuiet();
  }

  async start(): Promise<void> {
    for (const server of this.servers) await server.start(this.#options.serverEnd);
    // Names are resolved before it listens.
    await this.sim.until(this.proxy.start(), 10_000);
  }

  /** Connects are counted at whom they are meant for, also those that nobody accepts. */
  #watched(runtime: Runtime): Runtime {
    return {
      ...runtime,
      connect: (options, done) => {
        const address = addressText(options.address);
        this.servers.find((server) => server.address === address)?.connectsMs.push(this.sim.clock.now());
        this.#options.onConnect?.(address, false);
        const over = (): void => this.#options.onConnect?.(address, true);
        const attempt = runtime.connect(options, (error, socket) => {
          over();
          done(error, socket);
        });
        return {
          cancel() {
            over();
            attempt.cancel();
          },
        };
      },
    };
  }
}

export async function fleetOf(options: FleetOptions = {}): Promise<Fleet> {
  const fleet = new Fleet(options);
  await fleet.start();
  return fleet;
}

function addressAt(place: number): string {
  return `127.0.0.1:${9001 + place}`;
}

/** Longer than a connect may take. */
const SETTLE_MS = 4_000;

/** The highest of the `share` lowest: `percentile(times, 0.99)`. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** How many of `timesMs` lie in each second from `fromMs` on, at most. */
export function mostPerSecond(timesMs: readonly number[], fromMs: number): number {
  const later = timesMs.filter((atMs) => atMs >= fromMs);
  return Math.max(0, ...later.map((start) => later.filter((atMs) => atMs >= start && atMs < start + 1_000).length));
}

export type { Asked };

export const isUnsafe = (method: string): boolean => method === "POST" || method === "PATCH";

function reportOf({ target, status, fault, attempts, server }: FinishedExchange): Report {
  return { target, status, fault: fault === null ? "" : fault.code, attempts, server };
}
