import type { Candidate, Choice } from "./balancer.ts";

/** Who comes first for a key, made for one list of members. */
export interface HashTable {
  /** The first for this key that is available; null when none was found. */
  find<C extends Candidate>(choice: Choice<C>, key: string): C | null;
}
