/** Reads a body to its end, no faster than asked, and hashes it. */

import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

export interface Hashed {
  readonly bytes: number;
  readonly sha256: string;
}

/** `bytesPerSecond` null: as fast as it comes. */
export async function pacedHash(body: Readable, bytesPerSecond: number | null): Promise<Hashed> {
  const hash = createHash("sha256");
  const startedMs = performance.now();
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
    if (bytesPerSecond === null) continue;
    const dueMs = startedMs + (bytes / bytesPerSecond) * 1000 - performance.now();
    if (dueMs > 1) await delay(dueMs);
  }
  return { bytes, sha256: hash.digest("hex") };
}
