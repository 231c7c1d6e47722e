/**
 * The one with the lowest average time to answer, of all, rounded up to steps of 20 ms so that near-equals take turns;
 * as in nginx. The average halves for every ten seconds in which its server was not chosen: one that was slow once is
 * tried again.
 *
 *     score = rounded average × (under way + 1) / weight
 */

import type { Balancer, BalancerTools, Candidate, Choice } from "./balancer.ts";
import { createRoundRobin } from "./round-robin.ts";

/** What a new answer counts in the average. */
const NEW_SHARE = 0.05;
const HALVING_MS = 10_000;
const STEP_MS = 20;
const AVERAGE_MS_MAX = 5_000;

export function createLeastTime({ nowMs }: BalancerTools): Balancer {
  const turns = createRoundRobin();
  return {
    wantsLatency: true,
    choose: (choice) => leastTime(choice, nowMs()),
    commit(choice, chosen) {
      const now = nowMs();
      // Until it answers it is known for what it was: one request tries it, not as many as a fast one gets.
      chosen.latencyKept /= 2 ** halvingsOf(chosen, now);
      chosen.latencyAtMs = now;
      turns.commit(choice, chosen);
    },
    observe(candidate, latencyMs) {
      const known = candidate.latencyMs * candidate.latencyKept;
      candidate.latencyKept = 1;
      candidate.latencyMs = candidate.latencyMs < 0 ? latencyMs : known * (1 - NEW_SHARE) + latencyMs * NEW_SHARE;
    },
  };
}

function leastTime<C extends Candidate>({ available }: Choice<C>, now: number): C | null {
  let best: C | null = null;
  let bestScore = 0;
  for (let i = 0; i < available.length; i++) {
    const each = available[i]!;
    const score = (stepOf(each, now) * (each.inFlight + 1)) / each.weight;
    const isBetter =
      best === null || score < bestScore || (score === bestScore && each.turn + each.weight > best.turn + best.weight);
    if (!isBetter) continue;
    best = each;
    bestScore = score;
  }
  return best;
}

/** One that nobody knows is taken for a fast one: what it has under way soon says more. */
function stepOf(candidate: Candidate, now: number): number {
  const { latencyMs } = candidate;
  const average = latencyMs < 0 ? 0 : latencyMs / 2 ** halvingsOf(candidate, now);
  return average > AVERAGE_MS_MAX ? AVERAGE_MS_MAX : (Math.floor(average / STEP_MS) + 1) * STEP_MS;
}

function halvingsOf({ latencyAtMs }: Candidate, now: number): number {
  return Math.floor((now - latencyAtMs) / HALVING_MS);
}
