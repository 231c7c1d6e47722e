import type { Seeded } from "./seeded.ts";

/**
 * How the bytes of one direction of a simulated connection are cut into the chunks its reader sees.
 * TCP keeps no message borders, so every parser must give the same result under all of them.
 */
export type Segments =
  /** As written (at most the kernel buffer at once). */
  | { readonly kind: "whole" }
  /** One byte at a time. */
  | { readonly kind: "bytes" }
  /** One cut, `offset` bytes after the first byte of the connection; whole otherwise. */
  | { readonly kind: "split"; readonly offset: number }
  /** Cuts at random, pieces of 1 to `bytesMax`. */
  | { readonly kind: "random"; readonly bytesMax: number };

/** Cuts `bytes`, which start `position` bytes into the stream; the pieces are views of them. */
export function cut(bytes: Uint8Array, position: number, segments: Segments, random: Seeded): Uint8Array[] {
  switch (segments.kind) {
    case "whole":
      return [bytes];
    case "bytes": {
      const pieces: Uint8Array[] = [];
      for (let i = 0; i < bytes.length; i++) pieces.push(bytes.subarray(i, i + 1));
      return pieces;
    }
    case "split": {
      const at = segments.offset - position;
      if (at <= 0 || at >= bytes.length) return [bytes];
      return [bytes.subarray(0, at), bytes.subarray(at)];
    }
    case "random": {
      const pieces: Uint8Array[] = [];
      for (let from = 0; from < bytes.length; ) {
        const to = Math.min(bytes.length, from + random.between(1, segments.bytesMax));
        pieces.push(bytes.subarray(from, to));
        from = to;
      }
      return pieces;
    }
  }
}
