/** Fewest requests under way for its weight; round-robin among equals, so that an idle group is used evenly. */

import type { Balancer, Candidate } from "./balancer.ts";
import { createRoundRobin } from "./round-robin.ts";

export function createLeastBusy(): Balancer {
  const turns = createRoundRobin();
  return { choose: leastBusy, commit: (candidates, chosen) => turns.commit(candidates, chosen) };
}

function leastBusy<C extends Candidate>(candidates: readonly C[]): C | null {
  let best: C | null = null;
  for (let i = 0; i < candidates.length; i++) {
    const each = candidates[i]!;
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
