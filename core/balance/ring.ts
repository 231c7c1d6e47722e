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
    const points = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
    const owners = new Uint32Array(points.length);
    let filled = 0;
    for (const [owner, { key }] of members.entries()) {
      const base = crcText(CRC_START, key);
      let point = 0;
      for (let i = 0; i < counts[owner]!; i++, filled++) {
        point = crcEnd(crcNumber(base, point));
        points[filled] = point;
        owners[filled] = owner;
      }
    }
    const lower = sortedByHalf(points, owners, 0);
    const { points: sorted, owners: theirs } = sortedByHalf(lower.points, lower.owners, 16);
    return new Ring(sorted, theirs);
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

/**
 * By 16 bits of the points, those that are equal in the order they had: two such passes sort two million points ten
 * times faster than comparing does, and requests wait for it.
 */
function sortedByHalf(points: Uint32Array, owners: Uint32Array, shift: number) {
  const starts = new Uint32Array(0x10001);
  for (const point of points) starts[((point >>> shift) & 0xffff) + 1]!++;
  for (let half = 1; half < starts.length; half++) starts[half]! += starts[half - 1]!;
  const sorted = { points: new Uint32Array(points.length), owners: new Uint32Array(points.length) };
  for (let i = 0; i < points.length; i++) {
    const place = starts[(points[i]! >>> shift) & 0xffff]!++;
    sorted.points[place] = points[i]!;
    sorted.owners[place] = owners[i]!;
  }
  return sorted;
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
