/** The one with fewer requests under way for its weight, of two drawn by lot. Costs the same for any number. */

import type { Balancer, BalancerTools, Candidate } from "./balancer.ts";
import { betterOfTwo } from "./pair.ts";
import { WeightedDraw } from "./weighted-draw.ts";

export function createTwoChoices({ random }: BalancerTools): Balancer {
  const lot = new WeightedDraw(random);
  return {
    wantsLatency: false,
    choose: (choice) => betterOfTwo(lot, random, choice, isLessBusy),
    commit() {},
    observe() {},
  };
}

/** Compares inFlight / weight without dividing. */
function isLessBusy(second: Candidate, first: Candidate): boolean {
  return second.inFlight * first.weight < first.inFlight * second.weight;
}
