/**
 * Consistent hashing with bounded loads (Mirrokni and others, arXiv 1608.01350): nobody gets more than `factor` times
 * its share of what is under way, however popular its keys are. Who is at its bound counts as not available, so that its
 * keys go on to the next candidate, and come back.
 *
 *     bound = ceil(factor × (all under way + 1) × weight / all weights)
 */

import type { Candidate, Choice } from "./balancer.ts";

export class BoundedLoad<C extends Candidate> implements Choice<C> {
  readonly members: readonly C[];
  readonly available: readonly C[];
  readonly #choice: Choice<C>;
  readonly #factor: number;
  /** -1 until somebody asks: that takes a walk over all. */
  #inFlightPerWeight = -1;

  /** `factor` is above 1, else somebody may find no place. */
  constructor(choice: Choice<C>, factor: number) {
    this.members = choice.members;
    this.available = choice.available;
    this.#choice = choice;
    this.#factor = factor;
  }

  isAvailable(candidate: C): boolean {
    if (!this.#choice.isAvailable(candidate)) return false;
    // A bound is 1 at least.
    return candidate.inFlight === 0 || candidate.inFlight < this.#boundOf(candidate);
  }

  #boundOf(candidate: C): number {
    if (this.#inFlightPerWeight === -1) {
      let inFlight = 1;
      let weight = 0;
      for (let i = 0; i < this.available.length; i++) {
        inFlight += this.available[i]!.inFlight;
        weight += this.available[i]!.weight;
      }
      this.#inFlightPerWeight = (this.#factor * inFlight) / weight;
    }
    return Math.ceil(this.#inFlightPerWeight * candidate.weight);
  }
}
