/**
 * The hysteresis of active checks, as HAProxy counts it (`src/check.c`): one number from 0 to rise + fall - 1.
 *
 *     0 … rise - 1: down │ rise … rise + fall - 1: up
 *
 * A passed check moves right and from the border jumps to the right end, a failed one the other way round. So it
 * takes `fall` failures in a row to go down and `rise` passes in a row to come up, and one result of the other kind
 * starts the count anew. It begins at `rise`: up, because nobody has said otherwise, but the first failure is enough.
 */
export class RiseFall {
  readonly #rise: number;
  readonly #max: number;
  #count: number;

  constructor(rise: number, fall: number) {
    this.#rise = rise;
    this.#max = rise + fall - 1;
    this.#count = rise;
  }

  get isUp(): boolean {
    return this.#count >= this.#rise;
  }

  /** At one of the ends: more of the same changes nothing. */
  get isSure(): boolean {
    return this.#count === 0 || this.#count === this.#max;
  }

  pass(): void {
    this.#count = this.#count + 1 >= this.#rise ? this.#max : this.#count + 1;
  }

  fail(): void {
    this.#count = this.#count - 1 < this.#rise ? 0 : this.#count - 1;
  }
}
