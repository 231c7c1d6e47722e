/**
 * A set whose members know their place, for what comes and goes all the time. A `Set` would do, but for the collector:
 * after so many deletions V8 makes a new table and links the old one to it, so that once a table is old all that came
 * since survives each scavenge, dead or not. With a connection for each request this took a fifth of the CPU time.
 */

export interface Member {
  /** Kept by the roster; -1 while on none. */
  place: number;
}

export class Roster<M extends Member> implements Iterable<M> {
  readonly #members: M[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: M): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** Does nothing for who is not on it. */
  delete(member: M): void {
    const { place } = member;
    if (this.#members[place] !== member) return;
    member.place = -1;
    const last = this.#members.pop() as M;
    if (last === member) return;
    this.#members[place] = last;
    last.place = place;
  }

  /** Those of now: whoever goes meanwhile still gets its turn, and nobody is left out. */
  [Symbol.iterator](): IterableIterator<M> {
    return [...this.#members].values();
  }
}
