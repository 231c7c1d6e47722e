import assert from "node:assert/strict";
import { compileConfig } from "../../core/config/compile.ts";
import type { Config } from "../../core/config/define.ts";
import type { Engine } from "../../core/exchange/engine.ts";
import { TICK_MS } from "../../core/limits.ts";
import type { FinishedExchange, Notice, Observer } from "../../core/observe/events.ts";
import { createProxy, type Proxy as Millrace } from "../../core/proxy.ts";
import type { Endpoint } from "../../core/upstream/endpoint.ts";
import { createOrigin, type Origin, type OriginLink, type OriginScript } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { type SeenResponse, seeResponses } from "../../testing/reference-parser.ts";
import { createSimulation, type EndOptions, type Simulation, type SimulationOptions } from "../../testing/sim.ts";
import { addressOf } from "../../testing/wire.ts";
import { isOfRequest, watchTimers } from "../support/running-timers.ts";

/** Stories on the simulated runtime: Millrace between raw clients and a scripted upstream, on a clock that is moved. */
export interface Stage {
  readonly sim: Simulation;
  readonly proxy: Millrace;
  readonly engine: Engine;
  /** Who is told; a story may have it do something else. */
  readonly observer: Observer;
  readonly origin: Origin;
  /** What the upstream does; may be changed at any time. */
  script: OriginScript;
  /** Every finished request, in order. */
  readonly exchanges: readonly Outcome[];
  readonly notices: readonly Notice[];
  /** Of the upstream `app`, as it is now. */
  readonly endpoints: readonly Endpoint[];
  readonly endpoint: Endpoint;
  client(options?: EndOptions): Peer;
  /** A client with one request sent and driven as far as it goes without waiting. */
  ask(request: string, options?: EndOptions): Peer;
  /** Checks that `isSo` becomes true `ms` from now: not earlier, at most two ticks later. */
  after(ms: number, isSo: () => boolean): void;
  /** Deadlines that run. */
  readonly timersRunning: number;
  /** Lets every client go, checks that nothing is left of their requests, and stops the proxy. */
  close(): Promise<void>;
}

/** A copy of what `onExchange` was told. */
export interface Outcome {
  readonly requestId: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly status: number;
  /** The fault's code, `""` when all went well. */
  readonly fault: string;
  readonly attempts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

export interface StageOptions extends Partial<SimulationOptions> {
  readonly limits?: Config["limits"];
  readonly timeouts?: Config["timeouts"];
  readonly routes?: Config["routes"];
  readonly trace?: Config["trace"];
  readonly hooks?: Config["hooks"];
  readonly pool?: NonNullable<NonNullable<Config["upstreams"]>[string]["pool"]>;
  /** Further keys of the upstream `app`. */
  readonly app?: Partial<NonNullable<Config["upstreams"]>[string]>;
  readonly maxConnections?: number;
  /** Further servers of the upstream `app`; the story has to make them. */
  readonly otherServers?: readonly string[];
  readonly script?: OriginScript;
  /** How the upstream's end behaves. */
  readonly upstream?: EndOptions;
}

export const LISTEN = "127.0.0.1:8080";
export const UPSTREAM = "127.0.0.1:9001";
export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** A script that never answers. */
export const SILENT: OriginScript = { onRequest: () => null };

export async function stageWith(options: StageOptions = {}): Promise<Stage> {
  const sim = createSimulation({ seed: 1, ...options });
  const holder: { script: OriginScript } = { script: options.script ?? {} };
  const origin = await createOrigin(sim.outside(options.upstream), addressOf(UPSTREAM), delegate(holder), {
    keepsHalfOpen: options.upstream?.keepsHalfOpen ?? false,
  });
  const compiled = compileConfig(configOf(options));
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2));
  const exchanges: Outcome[] = [];
  const notices: Notice[] = [];
  const observer: Observer = {
    wantsTimes: true,
    onExchange: (exchange) => void exchanges.push(outcomeOf(exchange)),
    onNotice: (notice) => void notices.push(notice),
  };
  const proxy = createProxy({ runtime: sim.runtime, snapshot: compiled.snapshot, observer });
  const engine = proxy as unknown as Engine;
  const running = watchTimers(engine.timers, isOfRequest);
  await proxy.start();
  const endpointsNow = () => engine.deployment.groups.get("app")?.endpoints ?? [];
  const clients: Peer[] = [];
  const stage: Stage = Object.assign(holder, {
    sim,
    proxy,
    engine,
    observer,
    origin,
    exchanges,
    notices,
    endpoints: endpointsNow(),
    endpoint: endpointsNow()[0] as Endpoint,
    client(end: EndOptions = {}) {
      const peer = sim.connect(LISTEN, end);
      clients.push(peer);
      return peer;
    },
    ask(request: string, end: EndOptions = {}) {
      const peer = stage.client(end);
      peer.send(request);
      sim.drive();
      return peer;
    },
    after(ms: number, isSo: () => boolean) {
      sim.drive();
      sim.advance(ms - EARLY_MS);
      assert.ok(!isSo(), `not before ${ms} ms`);
      sim.advance(EARLY_MS + 2 * TICK_MS + LATE_MS);
      assert.ok(isSo(), `by ${ms} ms`);
    },
    timersRunning: 0,
    async close() {
      // A reset: after a FIN alone a client might still be reading.
      for (const peer of clients) if (!peer.isGone) peer.reset();
      sim.advance(SETTLE_MS);
      await sim.settle();
      assertSettled(stage);
      await sim.until(proxy.drain(1_000), 5_000);
      await origin.close();
      sim.assertQuiet();
    },
  });
  Object.defineProperty(stage, "timersRunning", { get: running });
  Object.defineProperty(stage, "endpoints", { get: endpointsNow });
  return stage;
}

/** Driving a request to its deadline takes a few hops. */
const EARLY_MS = 5;
const LATE_MS = 5;
/** Longer than a connect may take, shorter than an idle connection lives. */
const SETTLE_MS = 4_000;

/** No request, lease, place or deadline is left once the clients are gone. */
export function assertSettled({ endpoints, proxy, exchanges, ...stage }: Stage): void {
  let idle = 0;
  for (const { label, inFlight, connections } of endpoints) {
    assert.equal(inFlight, 0, `${label}: requests in flight`);
    assert.equal(connections.count, connections.idleCount, `${label}: connections beside the idle ones`);
    idle += connections.idleCount;
  }
  assert.equal(proxy.connectionCount, 0, "client connections");
  assert.equal(new Set(exchanges.map(({ requestId }) => requestId)).size, exchanges.length, "each finished once");
  assert.equal(stage.timersRunning, idle, "deadlines beside those of idle upstream connections");
}

/** Final responses in `peer`'s bytes; throws when they are no HTTP. */
export function responsesTo(peer: Peer, methods: readonly string[] = []): SeenResponse[] {
  const { messages, error } = seeResponses(peer.text(), methods, peer.closed === "end");
  assert.equal(error, null, "the client got HTTP");
  return messages.filter(({ status }) => status >= 200);
}

export function statusesTo(peer: Peer, methods: readonly string[] = []): number[] {
  return responsesTo(peer, methods).map(({ status }) => status);
}

/** From now on `peer` takes about so many bytes per second of what comes. */
export function readSlowly({ sim }: Pick<Stage, "sim">, peer: Peer, bytesPerSecond: number): void {
  const before = peer.onReceive;
  peer.onReceive = (self, bytes) => {
    before?.(self, bytes);
    self.socket?.pause();
    sim.clock.appoint((bytes.length * 1_000) / bytesPerSecond, () => {
      if (!self.isGone) self.socket?.resume();
    });
  };
}

/** Sends `text` in pieces of `bytes` every `everyMs`; answers how to stop. */
export function drip({ sim }: Stage, peer: Peer, text: string, pace: { bytes: number; everyMs: number }): () => void {
  let at = 0;
  let isStopped = false;
  const next = (): void => {
    if (isStopped || peer.isGone || at >= text.length) return;
    peer.send(text.slice(at, at + pace.bytes));
    at += pace.bytes;
    sim.clock.appoint(pace.everyMs, next);
  };
  next();
  return () => {
    isStopped = true;
  };
}

/** Data whose every part can be told from the others, without a byte the simulator uses as poison. */
export function patternOf(length: number): string {
  for (let i = patternParts.length; patternBytes < length; i++) {
    const part = `${i.toString(36)}.`;
    patternParts.push(part);
    patternBytes += part.length;
    pattern = "";
  }
  // Joined once: slices of it cost nothing.
  if (pattern === "") pattern = patternParts.join("");
  return pattern.slice(0, length);
}

let pattern = "";
let patternBytes = 0;
const patternParts: string[] = [];

export function ok(body: string, ...fields: string[]): string {
  const lines = ["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function post(body: string, ...fields: string[]): string {
  const lines = ["POST / HTTP/1.1", "Host: a", `Content-Length: ${body.length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

function configOf(options: StageOptions): Config {
  const server =
    options.maxConnections === undefined ? UPSTREAM : { address: UPSTREAM, maxConnections: options.maxConnections };
  return {
    listeners: [LISTEN],
    upstreams: {
      app: {
        servers: [server, ...(options.otherServers ?? [])],
        // Stories know which server comes next.
        ...(options.otherServers && { balance: "round-robin" }),
        ...(options.pool && { pool: options.pool }),
        ...options.app,
      },
    },
    routes: options.routes ?? [{ upstream: "app" }],
    ...(options.hooks && { hooks: options.hooks }),
    ...(options.trace && { trace: options.trace }),
    ...(options.limits && { limits: options.limits }),
    ...(options.timeouts && { timeouts: options.timeouts }),
  };
}

function delegate(holder: { script: OriginScript }): OriginScript {
  return {
    onConnect: (link) => holder.script.onConnect?.(link),
    onHead: (head, link) => holder.script.onHead?.(head, link),
    onTunnel: (text, link) => holder.script.onTunnel?.(text, link),
    onRequest: (request, link) => (holder.script.onRequest ? holder.script.onRequest(request, link) : OK),
  };
}

function outcomeOf(exchange: FinishedExchange): Outcome {
  const { requestId, method, host, target, status, fault, attempts } = exchange;
  const { requestBytes, responseBytes, durationMs } = exchange;
  const code = fault === null ? "" : fault.code;
  return { requestId, method, host, target, status, fault: code, attempts, requestBytes, responseBytes, durationMs };
}

export type { OriginLink, Peer };
