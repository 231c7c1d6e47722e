/** The options of `context.cache` in milliseconds, or a TypeError that says which one is wrong and how it is written. */

import { DURATION_MS_MAX, parseDuration } from "../time/duration.ts";
import { kindOf, quoted } from "./describe-value.ts";
import type { CacheOptions } from "./hooks.ts";

export interface CacheTimes {
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly timeoutMs: number;
}

const DEFAULT_MS = 1_000;
const NAMES: readonly string[] = ["ttl", "staleWhileRevalidate", "staleIfError", "negativeTtl", "timeout"];
const DEFAULTS: CacheTimes = Object.freeze({
  ttlMs: DEFAULT_MS,
  negativeTtlMs: DEFAULT_MS,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  timeoutMs: DEFAULT_MS,
});

export function cacheTimes(options: CacheOptions | undefined): CacheTimes {
  if (options === undefined) return DEFAULTS;
  if (typeof options !== "object" || options === null)
    throw new TypeError(`options of context.cache: ${kindOf(options)}; give { ttl: "1s", … } or nothing`);
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new TypeError(
      `options of context.cache: ${JSON.stringify(unknown)} is not known; known are ${NAMES.join(", ")}`,
    );
  const ttlMs = millisecondsOf(options.ttl, "ttl", DEFAULT_MS);
  const staleWhileRevalidateMs = millisecondsOf(options.staleWhileRevalidate, "staleWhileRevalidate", 0);
  const timeoutMs = millisecondsOf(options.timeout, "timeout", DEFAULT_MS);
  if (timeoutMs === 0) throw new TypeError("options of context.cache: timeout must be at least 1ms");
  return {
    ttlMs,
    negativeTtlMs: millisecondsOf(options.negativeTtl, "negativeTtl", ttlMs),
    staleWhileRevalidateMs,
    staleIfErrorMs: millisecondsOf(options.staleIfError, "staleIfError", staleWhileRevalidateMs),
    timeoutMs,
  };
}

const NONE_PATTERN = /^0(\.0+)?(ms|s|m|h|d)$/;

function millisecondsOf(value: unknown, name: string, missing: number): number {
  if (value === undefined) return missing;
  if (typeof value === "number" && value >= 0 && value <= DURATION_MS_MAX) return value;
  if (typeof value === "number") throw new TypeError(`options of context.cache: ${name} is ${value}; give 0 to 24d`);
  if (typeof value !== "string")
    throw new TypeError(
      `options of context.cache: ${name} is ${kindOf(value)}; write a number and a unit, such as "500ms", or milliseconds`,
    );
  if (NONE_PATTERN.test(value)) return 0;
  const parsed = parseDuration(value);
  if (typeof parsed === "number") return parsed;
  throw new TypeError(`options of context.cache: ${name} ${quoted(value)}: ${parsed.problem}`);
}
