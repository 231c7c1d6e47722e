/** What a random schedule is played with: the network, the servers, the configuration, and later ones for reloads. */

import type { Seeded } from "../../../testing/seeded.ts";
import type { Segments } from "../../../testing/segments.ts";
import type { EndOptions, SimulationOptions } from "../../../testing/sim.ts";
import { LISTEN } from "../stage.ts";
import { CHECK_PATH } from "./request-plan.ts";

export interface Setting {
  readonly simulation: Omit<SimulationOptions, "seed">;
  readonly serverEnd: EndOptions;
  /** All that exist; the configuration may name fewer. */
  readonly addresses: readonly string[];
  readonly config: RandomConfig;
  /** Configurations to reload. */
  readonly others: readonly object[];
  /** How often one request may reach servers if its method allows. */
  readonly deliveriesMax: number;
  /** Deadlines that may run while nothing is under way, beside those of idle connections. */
  readonly timersPerServer: number;
}

/** The longest body that is accepted; see the sizes of bodies in `request-plan.ts`. */
const REQUEST_BODY_MAX = 20_000;

export function settingOf(random: Seeded): Setting {
  const latency = random.pick([0.05, 0.5, 5, 40]);
  const addresses = Array.from({ length: random.pick([1, 2, 2, 3, 3, 4]) }, (_, i) => `127.0.0.1:${9001 + i}`);
  const features = featuresOf(random);
  const config = configOf(random, addresses, features);
  return {
    simulation: {
      latencyMs: [latency / 2, latency],
      kernelBytesMax: random.pick([1_024, 8_192, 65_536]),
      segments: segmentsOf(random),
      eagerWrites: random.pick([true, false]),
      noticesResetWhilePaused: random.pick([true, false]),
      restsReading: latency === 0.5 || latency === 40,
      sharesMemory: latency === 0.05 || latency === 40,
    },
    serverEnd: { segments: segmentsOf(random), keepsHalfOpen: random.pick([true, false]) },
    addresses,
    config,
    others: Array.from({ length: 3 }, () => otherConfig(random, config, addresses)),
    // The first, a stale connection's, and what is configured.
    deliveriesMax: 2 + features.furtherTries,
    timersPerServer: 0,
  };
}

/** What others vary. */
interface RandomConfig extends Record<string, unknown> {
  readonly upstreams: { readonly app: object };
  readonly limits: object;
}

function configOf(random: Seeded, addresses: readonly string[], features: Features): RandomConfig {
  return {
    listeners: [LISTEN],
    upstreams: {
      app: {
        servers: serversOf(random, addresses),
        pool: { idle: random.pick([0, 1, 64]), queue: random.pick([1, 64]) },
        ...features.upstream,
      },
    },
    routes: [{ upstream: "app" }],
    limits: {
      replay: random.pick([0, 1_000, 65_536]),
      requestBody: REQUEST_BODY_MAX,
      replayTotal: random.pick([0, 5_000, 1_000_000]),
      inFlight: random.pick([2, 1_000, 1_000, 1_000]),
      connectionsPerAddress: random.pick([3, 1_000, 1_000]),
    },
    timeouts: {
      requestHead: "3s",
      requestBodyIdle: "3s",
      firstByte: "2s",
      responseIdle: "2s",
      keepAliveIdle: "4s",
      sendIdle: "3s",
      connect: "1s",
      drain: random.pick(["300ms", "5s"]),
      queue: "1.5s",
      poolIdle: random.pick(["100ms", "10s"]),
      ...features.timeouts,
    },
  };
}

/** Servers that come, go and change their weight, limits that change; some can't be taken at all. */
function otherConfig(random: Seeded, config: RandomConfig, addresses: readonly string[]): object {
  const used = addresses.filter(() => random.between(0, 2) > 0);
  const servers = serversOf(random, used.length === 0 ? addresses : used);
  const upstreams = { app: { ...config.upstreams.app, ...(random.between(0, 2) > 0 && { servers }) } };
  const limits = { ...config.limits, replay: random.pick([0, 1_000, 65_536]) };
  const isBad = random.between(0, 3) === 0;
  return { ...config, upstreams, limits, ...(isBad && { listeners: [LISTEN, TAKEN] }) };
}

/** Somebody else listens here. */
export const TAKEN = "127.0.0.1:8099";

interface Features {
  readonly upstream: object;
  readonly timeouts: object;
  readonly furtherTries: number;
}

function featuresOf(random: Seeded): Features {
  const attempts = random.pick([0, 1, 1, 2]);
  const hedges = random.between(0, 3) === 0;
  const retries = { attempts, ...(random.between(0, 3) === 0 && { perTryTimeout: "700ms" }) };
  return {
    upstream: {
      retries,
      health: healthOf(random),
      ...balancingOf(random),
      ...(hedges && { hedge: { after: random.pick(["10ms", "300ms"]) } }),
      ...(random.between(0, 4) === 0 && { breaker: { inFlight: 4, connections: 2, pending: 2, retries: 1 } }),
    },
    timeouts: random.between(0, 5) === 0 ? { total: "1.2s" } : {},
    // Each of them may meet a stale connection first.
    furtherTries: 2 * (attempts + (hedges ? 1 : 0)),
  };
}

const BALANCERS = ["two-choices", "round-robin", "random", "least-busy", "peak-ewma", "least-time", "client-address"];

function balancingOf(random: Seeded): object {
  const method = random.pick(["rendezvous", "ring", "maglev"]);
  const hash = { hash: random.pick(["path", "header:Idempotency-Key"]), method, boundedLoad: 1.25 };
  return {
    balance: random.pick([...BALANCERS, hash]),
    ...(random.between(0, 3) === 0 && { slowStart: "1s" }),
    ...(random.between(0, 3) === 0 && { sticky: { cookie: "at", secret: "a secret of enough letters" } }),
  };
}

/** Fast enough to matter within a schedule. */
function healthOf(random: Seeded): object {
  const check = { path: CHECK_PATH, interval: "400ms", timeout: "300ms", fastInterval: "100ms", fall: 2, rise: 1 };
  const ejection = {
    consecutiveFailures: random.pick([1, 3]),
    baseTime: random.pick(["300ms", "2s"]),
    maxShare: "100%",
  };
  return {
    ...(random.between(0, 2) === 0 && { check }),
    ejection: random.pick([{}, false, ejection, ejection]),
    panicThreshold: random.pick(["0%", "50%"]),
  };
}

function serversOf(random: Seeded, addresses: readonly string[]): object[] {
  const isBounded = random.between(0, 2) === 0;
  const isTiered = random.between(0, 3) === 0;
  return addresses.map((address) => ({
    address,
    weight: random.pick([1, 1, 3]),
    ...(isTiered && random.pick([{}, { priority: 1 }, { backup: true }])),
    ...(isBounded && { maxConnections: random.between(1, 3) }),
  }));
}

export function segmentsOf(random: Seeded): Segments {
  return random.pick<Segments>([
    { kind: "whole" },
    { kind: "random", bytesMax: 500 },
    { kind: "random", bytesMax: 5_000 },
  ]);
}
