/** Fewest requests under way for its weight; round-robin among equals, so that an idle group is used evenly. */

import type { Balancer, Candidate, Choice } from "./balancer.ts";
import { createRoundRobin } from "./round-robin.ts";

export function createLeastBusy(): Balancer {
  const turns = createRoundRobin();
  return {
    wantsLatency: false,
    choose: leastBusy,
    commit: (choice, chosen) => turns.commit(choice, chosen),
    observe() {},
  };
}

function leastBusy<C extends Candidate>({ available }: Choice<C>): C | null {
  let best: C | null = null;
  for (let i = 0; i < available.length; i++) {
    const each = available[i]!;
    if (best === null || isBetter(each, best)) best = each;
  }
  return best;
}

/** Compares (inFlight + 1) / weight without dividing. */
function isBetter(left: Candidate, right: Candidate): boolean {
  const leftLoad = (left.inFlight + 1) * right.weight;
  const rightLoad = (right.inFlight + 1) * left.weight;
  if (leftLoad !== rightLoad) return leftLoad < rightLoad;
  return left.turn + left.weight > right.turn + right.weight;
}
