/**
 * Choosing one of several servers. Each algorithm is a file of its own; `registry.ts` knows them by name.
 *
 *     members: everybody ──(may be chosen now)──► available ──► choose ──► commit, when the request really goes there
 *
 * Tables are built over the members, which stay the same while servers come up and go down: that costs no work, and
 * moves nobody who hashes to another server.
 */

/** What a balancer may see of a server, and the few numbers it may keep there. */
export interface Candidate {
  /** What hash tables place it by: host, NUL and port, or a path and NUL; the same as long as its address is. */
  readonly key: string;
  /** 1 and up, relative to the others. Tables are built by it. */
  readonly fullWeight: number;
  /** What of the full weight counts now: less while it starts slowly or asks for less. Above 0. */
  readonly weight: number;
  /** Requests under way. */
  readonly inFlight: number;
  // Kept here, so that they outlive a change of the list and a reload:
  /** The running weight of smooth weighted round-robin. */
  turn: number;
  /** How long it takes to answer, as far as the balancer wants to know; -1 while nobody knows. */
  latencyMs: number;
  /** When that was last brought up to date. */
  latencyAtMs: number;
  /** The part of `latencyMs` that is left when the next answer comes; 1 when nothing of it was forgotten. */
  latencyKept: number;
}

/** Who there is to choose from. */
export interface Choice<C extends Candidate> {
  /** Everybody, in the order of the configuration; the same list until the servers change. */
  readonly members: readonly C[];
  /** Those that may be chosen; the same list as `members` when all may. */
  readonly available: readonly C[];
  /** Whether it is among `available`, without a search. */
  isAvailable(candidate: C): boolean;
}

export interface Balancer {
  /** Whether `observe` wants to be told how long answers took. */
  readonly wantsLatency: boolean;
  /**
   * The one to take; null when nobody is available. Changes nothing but the state of the random source, so that it can
   * be asked "what if". `key` is what the request hashes by, `""` where that is nothing.
   */
  choose<C extends Candidate>(choice: Choice<C>, key: string): C | null;
  /** The request really goes to `chosen`. */
  commit<C extends Candidate>(choice: Choice<C>, chosen: C): void;
  /** An answer began this long after the request was sent; one that is of no use counts as a slow one. */
  observe(candidate: Candidate, latencyMs: number): void;
}

/** What balancers go by beside the candidates: chance and time are arguments. */
export interface BalancerTools {
  /** Uniform in [0, 1). */
  random(): number;
  /** A clock that never jumps; a tick late is fine. */
  nowMs(): number;
}
