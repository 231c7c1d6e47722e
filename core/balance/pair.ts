/** Two different candidates by lot, of which the better one is taken: nearly as good as looking at all of them. */

import type { Candidate, Choice } from "./balancer.ts";
import type { WeightedDraw } from "./weighted-draw.ts";

/** One with most of the weight comes up again and again; after so many times the other is drawn without weights. */
const DRAWS_MAX = 8;

/**
 * `isBetter` decides whether the second one drawn is taken. Who is equal loses to the one drawn first, so that an idle
 * group is used by weight.
 */
export function betterOfTwo<C extends Candidate>(
  lot: WeightedDraw,
  random: () => number,
  choice: Choice<C>,
  isBetter: (second: C, first: C) => boolean,
): C | null {
  const first = lot.draw(choice);
  const { available } = choice;
  if (first === null || available.length === 1) return first;
  const second = available.length === 2 ? otherOf(available, first) : another(lot, random, choice, first);
  return isBetter(second, first) ? second : first;
}

function otherOf<C>(pair: readonly C[], first: C): C {
  return pair[0] === first ? pair[1]! : pair[0]!;
}

function another<C extends Candidate>(lot: WeightedDraw, random: () => number, choice: Choice<C>, first: C): C {
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const drawn = lot.draw(choice)!;
    if (drawn !== first) return drawn;
  }
  const { available } = choice;
  const at = Math.floor(random() * available.length);
  return available[at] === first ? available[(at + 1) % available.length]! : available[at]!;
}
