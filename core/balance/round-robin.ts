/**
 * Smooth weighted round-robin. Every candidate's turn grows by its weight; the one with the largest goes and falls
 * behind by the sum of all weights. Weights 5, 1, 1 give `a a b a c a a` instead of `a a a a a b c`.
 */

import type { Balancer, Candidate } from "./balancer.ts";

export function createRoundRobin(): Balancer {
  return { choose: largestTurn, commit: takeTurn };
}

function largestTurn<C extends Candidate>(candidates: readonly C[]): C | null {
  let best: C | null = null;
  for (let i = 0; i < candidates.length; i++) {
    const each = candidates[i]!;
    // Strictly greater: among equals the first in the list, so that the order is the configuration's.
    if (best === null || each.turn + each.weight > best.turn + best.weight) best = each;
  }
  return best;
}

function takeTurn<C extends Candidate>(candidates: readonly C[], chosen: C): void {
  let total = 0;
  for (let i = 0; i < candidates.length; i++) {
    const each = candidates[i]!;
    each.turn += each.weight;
    total += each.weight;
  }
  chosen.turn -= total;
}
