/**
 * Of a server that counts for less than its full weight just now (it starts slowly, or its agent asks for less), only
 * such a part of its keys is there: always the same ones, the others go on to the next. As its weight grows they come
 * back one by one, and no key of another server moves.
 */

import type { Candidate, Choice } from "./balancer.ts";
import { hashText, mixBits } from "./hash-text.ts";

export class KeyShare<C extends Candidate> implements Choice<C> {
  readonly members: readonly C[];
  readonly available: readonly C[];
  readonly #choice: Choice<C>;
  readonly #key: string;

  constructor(choice: Choice<C>, key: string) {
    this.members = choice.members;
    this.available = choice.available;
    this.#choice = choice;
    this.#key = key;
  }

  isAvailable(candidate: C): boolean {
    const { key, weight, fullWeight } = candidate;
    if (weight < fullWeight) {
      // Each server has a part of its own: else those that several leave out would all come to the same one.
      const place = mixBits(hashText(key, 5) ^ hashText(this.#key, 6)) / 2 ** 32;
      if (place * fullWeight >= weight) return false;
    }
    return this.#choice.isAvailable(candidate);
  }
}
