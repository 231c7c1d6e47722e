/**
 * Of two drawn by lot the one that is expected to answer sooner. The estimate jumps up with every answer that took
 * longer, and else approaches new ones slowly (a moving average weighted by time, as in Finagle). While a server gets
 * nothing its estimate fades: one that was slow once is tried again.
 *
 *     cost = estimate × (under way + 1) / weight
 */

import type { Balancer, BalancerTools, Candidate } from "./balancer.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** After so long about a third of an estimate is left. Finagle's number. */
const DECAY_MS = 10_000;

/** So that requests under way count also where answers come at once, or the estimate has faded. */
const ESTIMATE_MS_MIN = 1;

export function createPeakEwma({ random, nowMs }: BalancerTools): Balancer {
  const lot = new WeightedDraw(random);
  const isSooner = (second: Candidate, first: Candidate): boolean => {
    const now = nowMs();
    const ofFirst = estimate(first, now);
    const ofSecond = estimate(second, now);
    // One that nobody knows is taken for as fast as the other.
    const firstMs = ofFirst >= 0 ? ofFirst : ofSecond >= 0 ? ofSecond : 1;
    const secondMs = ofSecond >= 0 ? ofSecond : firstMs;
    return secondMs * (second.inFlight + 1) * first.weight < firstMs * (first.inFlight + 1) * second.weight;
  };
  return {
    wantsLatency: true,
    choose(choice) {
      const first = lot.draw(choice);
      if (first === null) return null;
      const second = lot.drawOther(choice, first);
      return isSooner(second, first) ? second : first;
    },
    commit() {},
    observe: (candidate, latencyMs) => learn(candidate, latencyMs, nowMs()),
  };
}

function estimate({ latencyMs, latencyAtMs }: Candidate, now: number): number {
  if (latencyMs < 0) return -1;
  return Math.max(ESTIMATE_MS_MIN, latencyMs * Math.exp((latencyAtMs - now) / DECAY_MS));
}

function learn(candidate: Candidate, latencyMs: number, now: number): void {
  const { latencyMs: known } = candidate;
  const kept = Math.exp((candidate.latencyAtMs - now) / DECAY_MS);
  candidate.latencyMs = known < latencyMs ? latencyMs : known * kept + latencyMs * (1 - kept);
  candidate.latencyAtMs = now;
}
