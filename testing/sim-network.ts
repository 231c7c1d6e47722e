import { createHmac } from "node:crypto";
import { addressText } from "../core/config/address.ts";
import type {
  Address,
  Attempt,
  Capabilities,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
  Runtime,
  SocketError,
  SocketErrorCode,
  Ticker,
} from "../core/runtime.ts";
import { type Seeded, seeded } from "./seeded.ts";
import type { Segments } from "./segments.ts";
import { type Appointment, createClock } from "./sim-clock.ts";
import { SimMemory } from "./sim-memory.ts";
import { createSimNames, type SimNames } from "./sim-names.ts";
import { type SimNetwork, SimSocket } from "./sim-socket.ts";

/** The simulated network: who listens where, who is connected to whom, and a `Runtime` to use it through. */
export interface SimulationOptions {
  readonly seed: number;
  /** Lowest and highest delay of one hop. */
  readonly latencyMs?: readonly [number, number];
  /** What the kernel takes per direction before `write` has to queue. */
  readonly kernelBytesMax?: number;
  /** How the code under test's own writes are cut. */
  readonly segments?: Segments;
  /** False: the kernel takes bytes only after `write` has returned, as on runtimes with asynchronous writes. */
  readonly eagerWrites?: boolean;
  readonly noticesResetWhilePaused?: boolean;
  /** Sockets read nothing of a peer that has said all, until they are told to, as on Deno. */
  readonly restsReading?: boolean;
  /** Chunks of several sockets come in the same memory, as on Node and Deno. Who reads released ones is found out later. */
  readonly sharesMemory?: boolean;
  readonly capabilities?: Partial<Capabilities>;
  readonly descriptorsMax?: number | null;
  /** Asked whenever the code under test looks. */
  readonly memoryLoad?: () => number | null;
  readonly log?: boolean;
}

/** How one scripted end behaves. */
export interface EndOptions {
  /** How the bytes this end sends are cut. */
  readonly segments?: Segments;
  /** The address it connects from. */
  readonly from?: string;
  /** How late it reads; a reset meanwhile destroys what it has not read. */
  readonly readLagMs?: number;
  readonly highWaterBytes?: number;
  /** Do not answer the other side's FIN with our own. */
  readonly keepsHalfOpen?: boolean;
}

export type ConnectFault = SocketErrorCode | "hang";
/** Asked at each connect; null lets it through. */
export type ConnectJudge = () => ConnectFault | null;

/** What is true everywhere in one simulation. */
export interface World extends SimNetwork {
  readonly options: SimulationOptions;
  readonly coreRandom: Seeded;
  readonly listeners: Map<string, SimListener>;
  readonly faults: Map<string, ConnectFault | ConnectJudge>;
  readonly names: SimNames;
  readonly sockets: Set<SimSocket>;
  readonly tickers: Set<Appointment>;
  readonly violations: string[];
  readonly transcript: string[];
  fingerprint: number;
  wallClockOffsetMs: number;
  nextPort: number;
  connections: number;
}

export interface SimListener {
  readonly address: Address;
  readonly options: ListenOptions;
  readonly handler: ListenHandler;
  readonly end: EndOptions;
  readonly isCore: boolean;
  /** Connections the kernel has made and nobody has accepted yet; null while accepting goes on. */
  queue: SimSocket[] | null;
}

const DEFAULT_LATENCY_MS = [0.02, 0.2] as const;
export const DEFAULT_KERNEL_BYTES = 64 * 1024;
const DEFAULT_READ_LAG_MS = 0.5;
/** Far from zero: code that takes the clock's zero for "never" fails. */
const CLOCK_START_MS = 86_400_123.25;
const WALL_CLOCK_START_MS = Date.UTC(2026, 0, 15, 12, 0, 0);

export function createWorld(options: SimulationOptions): World {
  const clock = createClock(CLOCK_START_MS);
  const random = seeded(options.seed);
  const [latencyMin, latencyMax] = options.latencyMs ?? DEFAULT_LATENCY_MS;
  const world: World = {
    options,
    clock,
    random,
    // A stream of its own: how often the core rolls dice must not move the network.
    coreRandom: seeded(options.seed ^ 0x5bd1e995),
    kernelBytesMax: options.kernelBytesMax ?? DEFAULT_KERNEL_BYTES,
    writesAreEager: options.eagerWrites ?? true,
    canReset: options.capabilities?.reset ?? true,
    noticesResetWhilePaused: options.noticesResetWhilePaused ?? true,
    restsReading: options.restsReading ?? false,
    memory: new SimMemory(options.sharesMemory ?? false),
    listeners: new Map(),
    faults: new Map(),
    names: createSimNames(),
    sockets: new Set(),
    tickers: new Set(),
    violations: [],
    transcript: [],
    fingerprint: 0,
    wallClockOffsetMs: WALL_CLOCK_START_MS - CLOCK_START_MS,
    nextPort: 49152,
    connections: 0,
    latencyMs: () => latencyMin + random.next() * (latencyMax - latencyMin),
    record(label, what, count) {
      let print = Math.imul(world.fingerprint ^ count, 0x01000193) ^ Math.floor(clock.now() * 1000);
      for (let i = 0; i < label.length; i++) print = Math.imul(print ^ label.charCodeAt(i), 0x01000193);
      world.fingerprint = Math.imul(print ^ what.length ^ what.charCodeAt(0), 0x01000193);
      if (options.log) world.transcript.push(`${clock.now().toFixed(3)} ${label} ${what} ${count}`);
    },
    violate: (what) => void world.violations.push(what),
    forget: (socket) => void world.sockets.delete(socket),
  };
  world.names.addresses("localhost", ["127.0.0.1"]);
  return world;
}

export function describeOpen(world: World): string[] {
  const open = [...world.sockets].map((socket) => `socket ${socket.label} to ${addressText(socket.peer)}`);
  for (const [key, listener] of world.listeners) if (listener.isCore) open.push(`listener ${key}`);
  for (const _ of world.tickers) open.push("ticker");
  if (world.names.pending > 0) open.push(`${world.names.pending} questions to DNS`);
  return open;
}

export function runtimeOn(world: World, end: EndOptions, isCore: boolean): Runtime {
  return {
    name: "simulated",
    version: "1",
    capabilities: {
      reusePort: false,
      reset: true,
      connectAbort: true,
      acceptPause: false,
      keepAliveDelay: true,
      ...world.options.capabilities,
    },
    listen: (options, handler) => listen(world, { options, handler, end, isCore }),
    connect: (options, done) => connect(world, options, end, isCore, done),
    resolve: (question, done) => world.names.resolve(world.clock, question, done),
    isWritten: () => true, // sockets copy
    now: () => world.clock.now(),
    wallClockMs: () => Math.floor(world.clock.now() + world.wallClockOffsetMs),
    random: () => world.coreRandom.next(),
    hmacSha256: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
    randomBytes: (length) => Uint8Array.from({ length }, () => world.coreRandom.between(0, 255)),
    every: (intervalMs, onTick) => every(world, intervalMs, onTick, isCore),
    memoryLoad: () => world.options.memoryLoad?.() ?? null,
    descriptorsMax: () => (world.options.descriptorsMax === undefined ? 65_536 : world.options.descriptorsMax),
  };
}

function every(world: World, intervalMs: number, onTick: () => void, isCore: boolean): Ticker {
  if (!(intervalMs > 0)) throw new RangeError(`every: ${intervalMs} ms`);
  let pending: Appointment;
  const tick = (): void => {
    if (isCore) world.tickers.delete(pending);
    schedule();
    onTick();
  };
  const schedule = (): void => {
    pending = world.clock.appoint(intervalMs, tick);
    if (isCore) world.tickers.add(pending);
  };
  schedule();
  return {
    stop() {
      pending.cancel();
      world.tickers.delete(pending);
    },
  };
}

function listen(world: World, wanted: Omit<SimListener, "address" | "queue">): Promise<Listener> {
  if (wanted.options.tls !== null) return Promise.reject(simulated("EUNSUPPORTED"));
  let address = wanted.options.address;
  if (address.kind === "tcp" && address.port === 0) address = { ...address, port: world.nextPort++ };
  const key = addressText(address);
  if (world.listeners.has(key)) return Promise.reject(simulated("EADDRINUSE"));
  const listener: SimListener = { ...wanted, address, queue: null };
  world.listeners.set(key, listener);
  const canPause = world.options.capabilities?.acceptPause ?? false;
  return Promise.resolve({
    address,
    pause() {
      if (canPause) listener.queue ??= [];
    },
    resume() {
      const waiting = listener.queue ?? [];
      listener.queue = null;
      for (const server of waiting) world.clock.deliver(0, () => accept(world, listener, server));
    },
    isReachable: () => world.listeners.get(key) === listener,
    close() {
      for (const server of listener.queue ?? []) server.reset();
      if (world.listeners.get(key) === listener) world.listeners.delete(key);
      return Promise.resolve();
    },
  });
}

function connect(world: World, options: ConnectOptions, end: EndOptions, isCore: boolean, done: ConnectDone): Attempt {
  const { clock } = world;
  let client: SimSocket | null = null;
  let isDone = false;
  const settle = (error: SocketError | null): void => {
    if (isDone) return;
    isDone = true;
    clock.deliver(world.latencyMs(), () => {
      if (error === null && client?.closed) error = simulated("ECONNRESET");
      if (error !== null) return done(error, null);
      const socket = client as SimSocket;
      if (isCore) world.sockets.add(socket);
      done(null, socket);
      requireHandler(world, socket);
    });
  };
  clock.deliver(world.latencyMs(), () => {
    if (isDone) return;
    const target = findTarget(world, options.address);
    if (options.tls !== null) settle(simulated("EUNSUPPORTED"));
    else if (typeof target === "string") {
      if (target !== "hang") settle(simulated(target));
    } else {
      client = establish(world, target, { options, end, isCore });
      settle(null);
    }
  });
  return {
    cancel() {
      if (isDone) return;
      settle(simulated("ECANCELED"));
    },
  };
}

function findTarget(world: World, address: Address): SimListener | SocketErrorCode | "hang" {
  const judged = world.faults.get(addressText(address)) ?? null;
  const fault = typeof judged === "function" ? judged() : judged;
  if (fault !== null) return fault;
  if (address.kind === "unix") return world.listeners.get(addressText(address)) ?? "ENOENT";
  const isIp = /^[0-9.]+$/.test(address.host) || address.host.includes(":");
  // Names are for `resolve`.
  if (!isIp) return "ENOTFOUND";
  for (const candidate of [address.host, "", "0.0.0.0", "::"]) {
    const listener = world.listeners.get(addressText({ kind: "tcp", host: candidate, port: address.port }));
    if (listener !== undefined) return listener;
  }
  return "ECONNREFUSED";
}

interface Caller {
  readonly options: ConnectOptions;
  readonly end: EndOptions;
  readonly isCore: boolean;
}

/** Makes both sockets and gives the listener its own; the caller's follows one hop later. */
function establish(world: World, listener: SimListener, caller: Caller): SimSocket {
  const number = ++world.connections;
  const from: Address =
    listener.address.kind === "unix"
      ? { kind: "unix", path: "" }
      : { kind: "tcp", host: caller.end.from ?? "127.0.0.1", port: world.nextPort++ };
  const coreSegments = world.options.segments ?? { kind: "whole" };
  const client = new SimSocket(world, {
    label: `${number}>`,
    local: from,
    peer: caller.options.address,
    highWaterBytes: caller.options.highWaterBytes,
    segments: caller.isCore ? coreSegments : (caller.end.segments ?? { kind: "whole" }),
    readLagMs: caller.isCore ? 0 : (caller.end.readLagMs ?? DEFAULT_READ_LAG_MS),
    isCore: caller.isCore,
  });
  const server = new SimSocket(world, {
    label: `${number}<`,
    local: listener.address,
    peer: from,
    highWaterBytes: listener.options.highWaterBytes,
    segments: listener.isCore ? coreSegments : (listener.end.segments ?? { kind: "whole" }),
    readLagMs: listener.isCore ? 0 : (listener.end.readLagMs ?? DEFAULT_READ_LAG_MS),
    isCore: listener.isCore,
  });
  SimSocket.join(client, server);
  accept(world, listener, server);
  return client;
}

function accept(world: World, listener: SimListener, server: SimSocket): void {
  if (listener.queue !== null) {
    listener.queue.push(server);
    return;
  }
  if (listener.isCore) world.sockets.add(server);
  world.record(server.label, "accept", 0);
  listener.handler.onSocket(server);
  requireHandler(world, server);
}

function requireHandler(world: World, socket: SimSocket): void {
  if (!socket.isUnset || socket.closed) return;
  world.violate(`${socket.label}: no handler was set before the callback that handed the socket over returned`);
}

export function simulated(code: SocketErrorCode): SocketError {
  return { code, message: `simulated: ${code}` };
}
