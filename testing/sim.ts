import { addressText } from "../core/config/address.ts";
import type { Address, ListenHandler, ListenOptions, Runtime, SocketErrorCode } from "../core/runtime.ts";
import { type Peer, peerOn } from "./peer.ts";
import type { SimClock } from "./sim-clock.ts";
import type { SimZone } from "./sim-names.ts";
import {
  type ConnectJudge,
  createWorld,
  DEFAULT_KERNEL_BYTES,
  describeOpen,
  type EndOptions,
  runtimeOn,
  type SimulationOptions,
  simulated,
  type World,
} from "./sim-network.ts";
import { addressOf } from "./wire.ts";

export type { EndOptions, SimulationOptions } from "./sim-network.ts";

/**
 * A simulated world: a `Runtime` for the code under test and, on the same virtual network and clock, scripted
 * clients and servers. Nothing happens by itself: `drive` and `advance` run what is due, in an order that depends
 * on the seed alone.
 *
 *   const sim = createSimulation({ seed: 7 });
 *   const proxy = createProxy({ runtime: sim.runtime, … });
 *   const client = sim.connect("127.0.0.1:8080", { segments: { kind: "bytes" } });
 *   client.send("GET / HTTP/1.1\r\n…");  sim.drive();  client.text();
 */
export interface Simulation {
  /** For the code under test: poisons what it writes, counts what it leaves open. */
  readonly runtime: Runtime;
  /** For the tests' own ends, which are trusted with their bytes and not counted. */
  outside(options?: EndOptions): Runtime;
  readonly clock: SimClock;

  connect(address: string | Address, options?: EndOptions): Peer;
  /** Listens at once; `onPeer` gets every connection, already reading. */
  serve(address: string | Address, onPeer: (peer: Peer) => void, options?: EndOptions): ScriptedServer;

  /** Runs until no delivery is left. */
  drive(): void;
  /** Runs everything due in the next `ms` milliseconds, timers included. */
  advance(ms: number): void;
  /** `drive`, also when promises have to run in between. */
  settle(): Promise<void>;
  /** Drives and advances until `promise` is settled; throws when that takes more than `withinMs`. */
  until<T>(promise: Promise<T>, withinMs: number): Promise<T>;

  /** A host name with one address; more is said by `zone`. */
  name(host: string, ip: string): void;
  /** What DNS says. */
  readonly zone: SimZone;
  /** Connecting there never gets an answer. */
  hang(address: string): void;
  /** Connecting there fails with `code`. */
  failConnect(address: string, code: SocketErrorCode): void;
  /** Each connect there fails as `judge` says, or not. */
  judgeConnects(address: string, judge: ConnectJudge): void;
  /** Undoes `hang`, `failConnect` and `judgeConnects`. */
  restore(address: string): void;
  /** Tells a listener that accepting failed. */
  failAccept(address: string, code: SocketErrorCode): void;
  /** Removes the file of a UNIX socket. Who listens on it is not told. */
  unlink(address: string): void;
  jumpWallClock(ms: number): void;

  /** One line per open socket, listener or ticker of the code under test. */
  openSockets(): string[];
  /** Throws unless the code under test has closed everything and kept the port's rules. */
  assertQuiet(): void;
  readonly violations: readonly string[];
  /** Everything that happened, one line each; empty unless `log` was asked for. */
  transcript(): string;
  /** A number that two runs share only if the same things happened in the same order. */
  fingerprint(): number;
}

export interface ScriptedServer {
  readonly address: Address;
  readonly peers: readonly Peer[];
  close(): void;
}

export function createSimulation(options: SimulationOptions): Simulation {
  const world = createWorld(options);
  const { clock } = world;
  const failOnViolation = (): void => {
    if (world.violations.length > 0) throw new Error(`the port's rules were broken:\n${world.violations.join("\n")}`);
  };
  const drive = (): void => {
    clock.drive();
    failOnViolation();
  };
  const advance = (ms: number): void => {
    clock.advance(ms);
    failOnViolation();
  };
  const settle = async (): Promise<void> => {
    do {
      drive();
      // A promise chain of the control plane is a handful of links long.
      for (let i = 0; i < 20; i++) await Promise.resolve();
    } while (clock.deliveries > 0);
  };
  return {
    runtime: runtimeOn(world, {}, true),
    outside: (end = {}) => runtimeOn(world, end, false),
    clock,
    connect: (address, end = {}) => connectPeer(world, addressOf(address), end),
    serve: (address, onPeer, end = {}) => servePeers(world, addressOf(address), onPeer, end),
    drive,
    advance,
    settle,
    async until(promise, withinMs) {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      promise.then(settled, settled);
      const deadline = clock.now() + withinMs;
      for (;;) {
        await settle();
        if (isSettled) return promise;
        if (clock.now() >= deadline) throw new Error(`still waiting after ${withinMs} simulated ms`);
        advance(Math.min(10, deadline - clock.now()));
      }
    },
    name: (host, ip) => world.names.addresses(host, [ip]),
    zone: world.names,
    hang: (address) => void world.faults.set(address, "hang"),
    failConnect: (address, code) => void world.faults.set(address, code),
    judgeConnects: (address, judge) => void world.faults.set(address, judge),
    restore: (address) => void world.faults.delete(address),
    failAccept(address, code) {
      const listener = world.listeners.get(address);
      if (listener === undefined) throw new Error(`nothing listens on ${address}`);
      clock.deliver(0, () => listener.handler.onAcceptError(simulated(code)));
    },
    unlink: (address) => void world.listeners.delete(address),
    jumpWallClock(ms) {
      world.wallClockOffsetMs += ms;
    },
    openSockets: () => describeOpen(world),
    assertQuiet() {
      drive();
      const open = describeOpen(world);
      if (open.length > 0) throw new Error(`left open:\n${open.join("\n")}`);
    },
    violations: world.violations,
    transcript: () => world.transcript.join("\n"),
    fingerprint: () => world.fingerprint >>> 0,
  };
}

function connectPeer(world: World, address: Address, end: EndOptions): Peer {
  return peerOn(runtimeOn(world, end, false), address, {
    keepsHalfOpen: end.keepsHalfOpen ?? false,
    highWaterBytes: end.highWaterBytes ?? DEFAULT_KERNEL_BYTES,
    later: (ms, run) => void world.clock.appoint(ms, run),
  });
}

function servePeers(world: World, address: Address, onPeer: (peer: Peer) => void, end: EndOptions): ScriptedServer {
  const peers: Peer[] = [];
  const options: ListenOptions = {
    address,
    backlog: 511,
    reusePort: false,
    highWaterBytes: end.highWaterBytes ?? DEFAULT_KERNEL_BYTES,
    tls: null,
  };
  const key = addressText(address);
  if (world.listeners.has(key)) throw new Error(`something listens on ${key} already`);
  const handler: ListenHandler = {
    onSocket(socket) {
      const peer = peerOn(socket, {
        keepsHalfOpen: end.keepsHalfOpen ?? false,
        later: (ms, run) => void world.clock.appoint(ms, run),
      });
      peers.push(peer);
      onPeer(peer);
    },
    onAcceptError() {},
  };
  world.listeners.set(key, { address, options, handler, end, isCore: false, queue: null });
  return { address, peers, close: () => void world.listeners.delete(key) };
}
