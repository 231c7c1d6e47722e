import { parseDuration } from "../core/time/duration.ts";

/** A time as in configurations (`"250ms"`, `"5s"`, `"1h"`), or in milliseconds. */
export type Duration = string | number;

/** Throws when it is none. */
export function millisecondsOf(duration: Duration): number {
  const parsed = typeof duration === "string" ? parseDuration(duration) : duration;
  if (typeof parsed !== "number")
    throw new TypeError(`${JSON.stringify(duration)} is no duration: ${parsed.problem}; or give milliseconds`);
  if (!(parsed >= 0 && parsed < Number.POSITIVE_INFINITY))
    throw new RangeError(`${parsed} ms is no time to wait: give 0 or more`);
  return parsed;
}
