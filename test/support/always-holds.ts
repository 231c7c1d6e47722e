/** Random tests: what must hold for whatever is made up. A failure names its seed. */

import process from "node:process";
import fc from "fast-check";

/** Times as often as usual: `npm run fuzz` says how many. */
const times = Number(process.env["MILLRACE_FUZZ_TIMES"] ?? 1);

/** How often to play what is made up by other means. */
export function usualTimes(runs: number): number {
  return runs * times;
}

/** `examples` are played first. */
export function alwaysHolds<Ts>(property: fc.IProperty<Ts>, runs = 100, examples: Ts[] = []): void {
  fc.assert(property, { numRuns: runs * times, examples });
}
