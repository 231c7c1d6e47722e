/**
 * Rendezvous hashing: each server and the key together give a score, and the highest wins. Who leaves takes only its own
 * keys away, who joins takes only its share from the others. No table, but every server is looked at.
 *
 * With weights the score is -weight / ln(u), u uniform in (0, 1): the chance to be the highest is the weight's share.
 */

import type { Candidate, Choice } from "./balancer.ts";
import type { HashTable } from "./hash-table.ts";
import { hashText, mixBits } from "./hash-text.ts";

export function createRendezvous(members: readonly Candidate[]): HashTable {
  const hashes = Uint32Array.from(members, ({ key }) => hashText(key, 1));
  const isEven = members.every(({ fullWeight }) => fullWeight === members[0]!.fullWeight);
  return {
    find<C extends Candidate>(choice: Choice<C>, key: string): C | null {
      const keyHash = hashText(key, 2);
      let best: C | null = null;
      let bestScore = -1;
      for (let i = 0; i < hashes.length; i++) {
        const member = choice.members[i]!;
        const bits = mixBits(hashes[i]! ^ keyHash);
        const score = isEven ? bits : -member.fullWeight / Math.log((bits + 0.5) / 4294967296);
        if (score <= bestScore || !choice.isAvailable(member)) continue;
        best = member;
        bestScore = score;
      }
      return best;
    },
  };
}
