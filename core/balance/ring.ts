/**
 * A ring of points (ketama), the very one of nginx's `hash … consistent` and of memcached clients: a key goes to the
 * first point at or behind its own hash.
 *
 *     0 ──a──b────a──c─b──a───c──c──b───a── 2^32        160 points for each unit of weight
 *                  ▲   └► key
 *
 *     a point = crc32(host NUL port, previous point of the server as four bytes, lowest first); the key's = crc32(key)
 */

import { RING_POINTS_MAX } from "../limits.ts";
import type { Candidate, Choice } from "./balancer.ts";
import { CRC_START, crcEnd, crcNumber, crcText } from "./crc32.ts";
import type { HashTable } from "./hash-table.ts";

const POINTS_PER_WEIGHT = 160;

/** Point and server in one number that sorts: 32 bits and 21 bits are as many as a float holds exactly. */
const SERVERS = 2 ** 21;

export function createRing(members: readonly Candidate[], pointsMax = RING_POINTS_MAX): HashTable {
  const ring = Ring.over(members, pointsMax);
  return { find: (choice, key) => ring.find(choice, key) };
}

/** With more points than `pointsMax` in all, each server gets fewer, and the ring is not nginx's any more. */
class Ring {
  readonly #points: Uint32Array;
  readonly #owners: Uint32Array;

  private constructor(points: Uint32Array, owners: Uint32Array) {
    this.#points = points;
    this.#owners = owners;
  }

  static over(members: readonly Candidate[], pointsMax: number): Ring {
    const weight = members.reduce((sum, { fullWeight }) => sum + fullWeight, 0);
    const each = Math.min(POINTS_PER_WEIGHT, pointsMax / weight);
    const counts = members.map(({ fullWeight }) => Math.max(1, Math.floor(each * fullWeight)));
    const sorted = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    let filled = 0;
    for (const [owner, { key }] of members.entries()) {
      const base = crcText(CRC_START, key);
      let point = 0;
      for (let i = 0; i < counts[owner]!; i++) {
        point = crcEnd(crcNumber(base, point));
        sorted[filled++] = point * SERVERS + owner;
      }
    }
    sorted.sort();
    const points = Uint32Array.from(sorted, (entry) => Math.floor(entry / SERVERS));
    return new Ring(
      points,
      Uint32Array.from(sorted, (entry) => entry % SERVERS),
    );
  }

  find<C extends Candidate>(choice: Choice<C>, key: string): C | null {
    const points = this.#points;
    const start = firstFrom(points, crcEnd(crcText(CRC_START, key)));
    let before = -1;
    for (let i = 0; i < points.length; i++) {
      const at = (start + i) % points.length;
      // Two servers on one point: the first has it.
      if (points[at] === before) continue;
      before = points[at]!;
      const owner = choice.members[this.#owners[at]!]!;
      if (choice.isAvailable(owner)) return owner;
    }
    return null;
  }
}

/** Index of the first point that is not below `hash`; their number when all are. */
function firstFrom(points: Uint32Array, hash: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (points[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return low;
}
