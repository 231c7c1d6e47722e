import { readFileSync } from "node:fs";
import type { Runtime, Ticker } from "../core/runtime.ts";

const LIMITS_FILE = "/proc/self/limits";

const { Deno: deno } = globalThis as {
  Deno?: { permissions: { querySync(permission: { name: "read"; path: string }): { state: string } } };
};

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
  // Deno with narrow permissions would stop and ask on the terminal.
  if (deno?.permissions.querySync({ name: "read", path: LIMITS_FILE }).state === "prompt") return null;
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, "latin1"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
