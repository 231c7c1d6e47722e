/**
 * Of two drawn by lot the one with fewer requests under way for its weight: nearly as good as looking at all of them, and
 * costs the same for any number. Who is equal loses to the one drawn first, so that an idle group is used by weight.
 */

import type { Balancer, BalancerTools, Candidate } from "./balancer.ts";
import { WeightedDraw } from "./weighted-draw.ts";

export function createTwoChoices({ random }: BalancerTools): Balancer {
  const lot = new WeightedDraw(random);
  return {
    wantsLatency: false,
    choose(choice) {
      const first = lot.draw(choice);
      // Nobody is less busy than who is idle. Among thousands of servers the other one would be in no cache: two of some 37
      // lines of memory that a request finds cold there (`npm run bench:cold-lines`).
      if (first === null || first.inFlight === 0) return first;
      const second = lot.drawOther(choice, first);
      return isLessBusy(second, first) ? second : first;
    },
    commit() {},
    observe() {},
  };
}

/** Compares inFlight / weight without dividing. */
function isLessBusy(second: Candidate, first: Candidate): boolean {
  return second.inFlight * first.weight < first.inFlight * second.weight;
}
