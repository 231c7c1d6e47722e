import { Slab } from "../../../core/bytes/slab.ts";
import {
  type CheckResult,
  CheckRun,
  type CheckSurroundings,
  type Conversation,
} from "../../../core/health/check-run.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Peer } from "../../../testing/peer.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";
import { addressOf } from "../../../testing/wire.ts";

export const SERVER = "127.0.0.1:9001";

/** A simulated world with what checks need of it. */
export interface CheckWorld extends CheckSurroundings {
  readonly sim: Simulation;
}

export function checkWorld(): CheckWorld {
  const sim = createSimulation({ seed: 1 });
  const timers = new Timers(sim.runtime.now());
  sim.runtime.every(TICK_MS, () => timers.advance(sim.runtime.now()));
  return { sim, runtime: sim.runtime, timers, slab: new Slab() };
}

/** Runs one check against a server that does `onPeer` with each connection; null without a result by then. */
export function checkOnce(
  world: CheckWorld,
  conversation: Conversation,
  { onPeer, timeoutMs = 2_000, waitMs = 0 }: { onPeer?: (peer: Peer) => void; timeoutMs?: number; waitMs?: number },
): CheckResult | null {
  const results: CheckResult[] = [];
  const owner = { onResult: (result: CheckResult) => void results.push(result), onReleased() {} };
  const server = onPeer === undefined ? null : world.sim.serve(SERVER, onPeer);
  new CheckRun(world.timers, timeoutMs, conversation, owner).start(world.runtime, addressOf(SERVER));
  world.sim.advance(waitMs);
  world.sim.drive();
  server?.close();
  if (results.length > 1) throw new Error("a check ended twice");
  return results[0] ?? null;
}

/** The sockets that the code under test has left open; the ticker stays. */
export function socketsLeft({ sim }: CheckWorld): string[] {
  return sim.openSockets().filter((line) => !/tick/i.test(line));
}
