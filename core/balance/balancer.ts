/** Choosing one of several servers. Each algorithm is a file of its own; `registry.ts` knows them by name. */

/** What a balancer may see of a server, and the one number it may keep there. */
export interface Candidate {
  /** 1 and up, relative to the others. */
  readonly weight: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** The running weight of smooth weighted round-robin: kept here so that it outlives a change of the list. */
  turn: number;
}

export interface Balancer {
  /** The candidate whose turn it is; null for an empty list. Changes nothing, so that it can be asked "what if". */
  choose<C extends Candidate>(candidates: readonly C[]): C | null;
  /** The request really goes to `chosen`. */
  commit<C extends Candidate>(candidates: readonly C[], chosen: C): void;
}
