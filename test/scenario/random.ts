/**
 * Random schedules: clients, servers, a network and incidents, all chosen by a seed. The invariant (`random/judge.ts`):
 * every request gets exactly one complete or visibly aborted response that is its own (each carries a nonce), is
 * reported exactly once, reaches servers no more often than it may, and leaves nothing behind; the same seed gives the
 * same events.
 *
 *   npm run simulate -- --seed 1              plays seed after seed until one fails
 *   npm run simulate -- --seed 42 --runs 1    plays one again, and shows what was reported
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { judge } from "./random/judge.ts";
import { type Report, World } from "./random/world.ts";

export interface Played {
  readonly fingerprint: number;
  readonly requests: number;
  readonly exchanges: readonly Report[];
}

export async function playRandom(seed: number): Promise<Played> {
  const world = new World(seed);
  try {
    await world.play();
    judge(world);
    await world.close();
  } catch (error) {
    const lines = world.exchanges.map((each) => JSON.stringify(each)).join("\n");
    const replay = `npm run simulate -- --seed ${seed} --runs 1`;
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${lines}\nagain: ${replay}`, { cause: error });
  }
  return { fingerprint: world.sim.fingerprint(), requests: world.plans.size, exchanges: world.exchanges };
}

/** Plays `runs` seeds; answers which ends of requests were met, and how often. */
export async function playMany(from: number, runs: number): Promise<Map<string, number>> {
  const met = new Map<string, number>();
  for (let seed = from; seed < from + runs; seed++) {
    for (const { fault } of (await playRandom(seed)).exchanges) met.set(fault, (met.get(fault) ?? 0) + 1);
  }
  return met;
}

// ---- by hand

async function playByHand(from: number, runs: number): Promise<void> {
  const startedMs = performance.now();
  for (let seed = from; seed < from + runs; seed++) {
    const played = await playRandom(seed);
    if (runs === 1) for (const report of played.exchanges) process.stdout.write(`${JSON.stringify(report)}\n`);
    if (seed % 500 !== 0) continue;
    process.stdout.write(`seed ${seed}, ${((performance.now() - startedMs) / (seed - from + 1)).toFixed(1)} ms each\n`);
  }
  process.stdout.write(`${runs} schedules from seed ${from} on kept the invariant\n`);
}

if (process.argv[1]?.endsWith("random.ts")) {
  const { values } = parseArgs({ options: { seed: { type: "string" }, runs: { type: "string" } } });
  const from = Number(values.seed ?? Date.now() % 1_000_000_000);
  await playByHand(from, values.runs === undefined ? Number.POSITIVE_INFINITY : Number(values.runs));
}
