/**
 * Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4): a table of 65,537 slots, filled by turns. Each server
 * has an order of its own in which it wants the slots, and takes the first that is free; by weight, some turns are
 * skipped. One look finds a server, whatever their number, and shares are even to within a percent or so; when the list
 * changes, about twice as many keys move as would have to.
 */

import type { Candidate, Choice } from "./balancer.ts";
import type { HashTable } from "./hash-table.ts";
import { hashText } from "./hash-text.ts";

/** A prime, so that every step through the table visits all of it. */
export const MAGLEV_SLOTS = 65_537;

export function createMaglev(members: readonly Candidate[]): HashTable {
  const slots = fill(members);
  return {
    find<C extends Candidate>(choice: Choice<C>, key: string): C | null {
      const start = hashText(key, 2) % MAGLEV_SLOTS;
      for (let i = 0; i < MAGLEV_SLOTS; i++) {
        const member = choice.members[slots[(start + i) % MAGLEV_SLOTS]!]!;
        if (choice.isAvailable(member)) return member;
      }
      return null;
    },
  };
}

function fill(members: readonly Candidate[]): Int32Array {
  // By key, so that the order of the configuration decides nothing.
  const order = [...members.keys()].sort((left, right) => (members[left]!.key < members[right]!.key ? -1 : 1));
  const heaviest = members.reduce((most, { fullWeight }) => Math.max(most, fullWeight), 0);
  const next = Uint32Array.from(members, ({ key }) => hashText(key, 3) % MAGLEV_SLOTS);
  const skip = Uint32Array.from(members, ({ key }) => (hashText(key, 4) % (MAGLEV_SLOTS - 1)) + 1);
  const credit = new Float64Array(members.length);
  const slots = new Int32Array(MAGLEV_SLOTS).fill(-1);
  for (let filled = 0; filled < MAGLEV_SLOTS; ) {
    for (let i = 0; i < order.length && filled < MAGLEV_SLOTS; i++) {
      const member = order[i]!;
      credit[member]! += members[member]!.fullWeight;
      if (credit[member]! < heaviest) continue;
      credit[member]! -= heaviest;
      let slot = next[member]!;
      while (slots[slot] !== -1) slot = (slot + skip[member]!) % MAGLEV_SLOTS;
      slots[slot] = member;
      next[member] = (slot + skip[member]!) % MAGLEV_SLOTS;
      filled++;
    }
  }
  return slots;
}
