import { readFileSync } from "node:fs";
import type { Runtime, Ticker } from "../core/runtime.ts";

/** The part of the port that is no socket: alike on every runtime. */
export const system: Pick<Runtime, "now" | "wallClockMs" | "random" | "randomBytes" | "every" | "descriptorsMax"> = {
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
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
