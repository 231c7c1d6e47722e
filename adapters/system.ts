import { readFileSync } from "node:fs";
import type { Runtime, Ticker } from "../core/runtime.ts";
import { resolve } from "./resolver.ts";
import { isPermitted } from "./system-names.ts";

const LIMITS_FILE = "/proc/self/limits";

/** The part of the port that is no socket: alike on every runtime. */
export const system: Pick<
  Runtime,
  "resolve" | "now" | "wallClockMs" | "random" | "randomBytes" | "every" | "descriptorsMax"
> = {
  resolve,
  now: () => performance.now(),
  wallClockMs: () => Date.now(),
  random: () => Math.random(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  every,
  descriptorsMax,
};

function every(intervalMs: number, onTick: () => void): Ticker {
  const timer = setInterval(onTick, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function descriptorsMax(): number | null {
  // Deno with narrow permissions would stop and ask on the terminal.
  if (!isPermitted({ name: "read", path: LIMITS_FILE })) return null;
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, "latin1"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
