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
  // Turns that larger weights have left behind would take as long to come round. As the largest is always taken, none
  // falls lower than this, nor grows larger: it is how full one of n cups gets when the fullest is emptied each time.
  const least = -total;
  const most = Math.ceil(total * (1 + Math.log(available.length)));
  for (let i = 0; i < available.length; i++) {
    const each = available[i]!;
    if (each.turn > most) each.turn = most;
    else if (each.turn < least) each.turn = least;
    each.turn += each.weight;
  }
  chosen.turn -= total;
}
