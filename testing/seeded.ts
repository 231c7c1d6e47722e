/** A small seeded generator (sfc32): the same seed gives the same numbers on every runtime. */
export interface Seeded {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number, `from` and `to` included. */
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
}

export function seeded(seed: number): Seeded {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162 ^ Math.imul(seed, 0x85ebca6b);
  let counter = 1;
  const next32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  // The first outputs of neighbouring seeds resemble each other.
  for (let i = 0; i < 12; i++) next32();
  const next = (): number => next32() / 4294967296;
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError("pick: nothing to pick from");
      return items[between(0, items.length - 1)] as T;
    },
  };
}
