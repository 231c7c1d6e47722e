/**
 * Smooth weighted round-robin. Every candidate's turn grows by its weight; the one with the largest goes and falls
 * behind by the sum of all weights. Weights 5, 1, 1 give `a a b a c a a` instead of `a a a a a b c`.
 */

import type { Balancer, Candidate, Choice } from "./balancer.ts";

export function createRoundRobin(): Balancer {
  return { wantsLatency: false, choose: largestTurn, commit: takeTurn, observe() {} };
}

function largestTurn<C extends Candidate>({ available }: Choice<C>): C | null {
  let best: C | null = null;
  for (let i = 0; i < available.length; i++) {
    const each = available[i]!;
    // Strictly greater: among equals the first in the list, so that the order is the configuration's.
    if (best === null || each.turn + each.weight > best.turn + best.weight) best = each;
  }
  return best;
}

function takeTurn<C extends Candidate>(choice: Choice<C>, chosen: C): void {
  const { available } = choice;
  let total = 0;
  for (let i = 0; i < available.length; i++) total += available[i]!.weight;
  // Who gets requests out of turn (a sticky session) falls behind for them, but not forever: nginx stops here, too.
  if (chosen.turn <= chosen.weight - total && largestTurn(choice) !== chosen) return;
  for (let i = 0; i < available.length; i++) {
    const each = available[i]!;
    // Turns that larger weights have left behind would take as long to come round.
    if (each.turn > total) each.turn = total;
    else if (each.turn < -total) each.turn = -total;
    each.turn += each.weight;
  }
  chosen.turn -= total;
}
