/** Durations as people write them: `250ms`, `5s`, `1m`, `1h`, `1d`, with a fraction (`1.5s`) if need be. */

/** Timers above this fire at once on some runtimes; nobody waits 24 days for a proxy. */
export const DURATION_MS_MAX = 2 ** 31 - 1;

export const DURATION_PATTERN = /^[0-9]{1,12}(\.[0-9]{1,6})?(ms|s|m|h|d)$/;

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

const RIGHT = 'write a number and a unit, such as "250ms", "5s", "1m", "1h" or "1d"';

/** Milliseconds, a whole number of at least 1; or what is wrong with the text. */
export function parseDuration(text: string): number | { problem: string } {
  if (!DURATION_PATTERN.test(text)) {
    if (/^[0-9.]+$/.test(text)) return { problem: `has no unit; ${RIGHT}` };
    return { problem: `not a duration; ${RIGHT}` };
  }
  const unit = /[a-z]+$/.exec(text)?.[0] ?? "";
  const milliseconds = Math.round(Number(text.slice(0, -unit.length)) * (UNIT_MS.get(unit) ?? 0));
  if (milliseconds < 1) return { problem: "must be at least 1ms" };
  if (milliseconds > DURATION_MS_MAX) return { problem: "is too long; at most 24d is allowed" };
  return milliseconds;
}

/** The shortest exact way to write it. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNIT_MS.get(unit) ?? 1;
    if (milliseconds % size === 0 && milliseconds >= size) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}
