/**
 * Hashes for placing, not for secrets: a client who chooses its key may choose its server, which it can by asking often
 * enough, too. The mixing steps are MurmurHash3's.
 */

/** 32 bits of a text, whose characters are bytes. Different seeds give independent hashes. */
export function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  return mixBits(hash ^ text.length);
}

/** Every bit of the result depends on every bit of the number; from 0 to 2^32 - 1. */
export function mixBits(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
