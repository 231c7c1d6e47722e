import type { Balancer, BalancerTools, Candidate, Choice } from "../../../core/balance/balancer.ts";
import { seeded } from "../../../testing/seeded.ts";

export interface Server extends Candidate {
  readonly name: string;
  fullWeight: number;
  weight: number;
  inFlight: number;
}

/** Servers a, b, c … with these weights and requests under way. */
export function servers(weights: readonly number[], inFlight: readonly number[] = []): Server[] {
  return weights.map((weight, i) => ({
    name: nameOf(i),
    key: `10.0.${i >> 8}.${i & 255}\0${80}`,
    fullWeight: weight,
    weight,
    inFlight: inFlight[i] ?? 0,
    turn: 0,
    latencyMs: -1,
    latencyAtMs: 0,
    latencyKept: 1,
  }));
}

/** Of `members` those in `available`, or all. */
export function choiceOf<C extends Candidate>(members: readonly C[], available: readonly C[] = members): Choice<C> {
  const set = new Set(available);
  return { members, available, isAvailable: (candidate) => set.has(candidate) };
}

/** Chance by a seed, and a clock that stands still until it is moved. */
export function toolsOf(seed: number): BalancerTools & { time: number } {
  const chance = seeded(seed);
  const tools = { time: 0, random: () => chance.next(), nowMs: () => tools.time };
  return tools;
}

/** The names of the next `count` servers; each request stays under way when `holds`. */
export function take(balancer: Balancer, list: readonly Server[], count: number, holds = false): string {
  let names = "";
  const choice = choiceOf(list);
  for (let i = 0; i < count; i++) {
    const chosen = balancer.choose(choice, "");
    if (chosen === null) return `${names}-`;
    balancer.commit(choice, chosen);
    if (holds) chosen.inFlight++;
    names += chosen.name;
  }
  return names;
}

/** How often each server was taken, in their order. */
export function tallyOf(list: readonly Server[], count: number, next: (turn: number) => Server | null): number[] {
  const tally = new Map<Server | null, number>(list.map((server) => [server, 0]));
  for (let i = 0; i < count; i++) {
    const chosen = next(i);
    tally.set(chosen, (tally.get(chosen) ?? 0) + 1);
  }
  return list.map((server) => tally.get(server)!);
}

/** Six standard deviations of so many draws: with a fixed seed, a wrong distribution fails and chance doesn't. */
export function isNear(seen: number, draws: number, chance: number): boolean {
  return Math.abs(seen - draws * chance) <= 6 * Math.sqrt(draws * chance * (1 - chance)) + 1;
}

function nameOf(index: number): string {
  return index < 26 ? String.fromCharCode(0x61 + index) : `s${index}`;
}
