/**
 * A bound for V8's young generation, on Node. Left alone it doubles whenever as much has survived as it is large, from
 * 2 MiB to 64 or more: memory that grows for hours, and that is in no cache when it is used again. With this bound memory
 * is flat, and a small request takes a fifth less user time.
 */

import process from "node:process";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Both halves together. Half of this costs thousands of connections more than it gains for a few. */
const BYTES_MAX = 16 * 1024 * 1024;
// Twenty times as many may survive in a burst as under a steady load. A look takes 5 µs.
const LOOK_EVERY_MS = 100;

/** As V8 has it by itself, and none. */
const GROWING = "--semi-space-growth-factor=2";
const BOUNDED = "--semi-space-growth-factor=1";

/** On Node, for as long as the process lives; not where somebody has asked for another size. */
export function boundYoungGeneration(): void {
  const asked = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((text) => /semi[-_]space/.test(text));
  if (asked) return;
  let isBounded = false;
  setInterval(() => {
    // A collection in a quiet time makes it small again: then it has to be let grow, or it would stay so under any load.
    const isFull = youngBytes() >= BYTES_MAX;
    if (isFull === isBounded) return;
    isBounded = isFull;
    // V8 allows for it while it runs, unlike a greatest size, which counts at start only.
    setFlagsFromString(isFull ? BOUNDED : GROWING);
  }, LOOK_EVERY_MS).unref();
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === "new_space")?.space_size ?? 0;
}
