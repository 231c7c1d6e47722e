/**
 * Drawing by lot, with chances by weight, in one step however many candidates there are (Walker's alias method): every
 * slot of the table is shared by at most two candidates.
 *
 *     weights 3, 1, 2   slot   0        1        2
 *                            ┌────┐  ┌────┐  ┌────┐     two random numbers: a slot, and above or below the line
 *                            │ 0  │  │ 0  │  │ 2  │
 *                            │    │  ├────┤  │    │
 *                            └────┘  │ 1  │  └────┘
 *
 * The table is built over the members by their full weight. Who may not be chosen, or counts for less than its full
 * weight just now, is drawn and put back; that keeps the proportions of the rest exact.
 */

import type { Candidate, Choice } from "./balancer.ts";

/** Drawn and put back this often, the next draw walks the list. */
const DRAWS_MAX = 16;
/** One with most of the weight comes up again and again; after so many times the other is drawn without weights. */
const SAME_DRAWS_MAX = 8;

export class WeightedDraw {
  readonly #random: () => number;
  #members: readonly Candidate[] | null = null;
  /** All weigh the same: any slot will do. */
  #isEven = true;
  /** The part of each slot that is its own, and who has the rest. */
  #own = new Float64Array(0);
  #other = new Int32Array(0);

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Null when nobody is available. */
  draw<C extends Candidate>(choice: Choice<C>): C | null {
    const { members, available } = choice;
    if (available.length <= 1) return available[0] ?? null;
    if (members !== this.#members) this.#build(members);
    for (let draws = 0; draws < DRAWS_MAX; draws++) {
      const drawn = members[this.#slot()]!;
      if (available !== members && !choice.isAvailable(drawn)) continue;
      const { weight, fullWeight } = drawn;
      if (weight < fullWeight && this.#random() * fullWeight >= weight) continue;
      return drawn;
    }
    return this.#walk(available);
  }

  /** One that is not `first`, who was drawn before; that one again if it is the only one. */
  drawOther<C extends Candidate>(choice: Choice<C>, first: C): C {
    const { available } = choice;
    if (available.length === 1) return first;
    if (available.length === 2) return available[0] === first ? available[1]! : available[0]!;
    for (let draws = 0; draws < SAME_DRAWS_MAX; draws++) {
      const drawn = this.draw(choice)!;
      if (drawn !== first) return drawn;
    }
    const at = Math.floor(this.#random() * available.length);
    return available[at] === first ? available[(at + 1) % available.length]! : available[at]!;
  }

  #slot(): number {
    const slot = Math.floor(this.#random() * this.#own.length);
    return this.#isEven || this.#random() < this.#own[slot]! ? slot : this.#other[slot]!;
  }

  #build(members: readonly Candidate[]): void {
    const { length } = members;
    this.#members = members;
    this.#own = new Float64Array(length).fill(1);
    this.#isEven = members.every((member) => member.fullWeight === members[0]!.fullWeight);
    if (this.#isEven) return;
    this.#other = new Int32Array(length);
    const total = members.reduce((sum, member) => sum + member.fullWeight, 0);
    const left = Float64Array.from(members, (member) => (member.fullWeight * length) / total);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < length; i++) (left[i]! < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const taker = small.pop()!;
      const giver = large.at(-1)!;
      this.#own[taker] = left[taker]!;
      this.#other[taker] = giver;
      left[giver]! -= 1 - left[taker]!;
      if (left[giver]! < 1) small.push(large.pop()!);
    }
    // Whoever is left over has a whole slot, but for rounding.
  }

  #walk<C extends Candidate>(available: readonly C[]): C {
    let total = 0;
    for (let i = 0; i < available.length; i++) total += available[i]!.weight;
    let left = this.#random() * total;
    for (let i = 0; i < available.length; i++) {
      left -= available[i]!.weight;
      if (left < 0) return available[i]!;
    }
    return available[available.length - 1]!;
  }
}
