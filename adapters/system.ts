import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import type { Runtime, Ticker } from "../core/runtime.ts";
import { isPermitted } from "./permission.ts";
import { resolve } from "./resolver.ts";

const LIMITS_FILE = "/proc/self/limits";

/** The part of the port that is no socket: alike on every runtime. */
export const system: Pick<
  Runtime,
  | "resolve"
  | "now"
  | "wallClockMs"
  | "random"
  | "randomBytes"
  | "hmacSha256"
  | "every"
  | "descriptorsMax"
  | "memoryLoad"
> = {
  resolve,
  now: () => performance.now(),
  wallClockMs: () => Date.now(),
  random: () => Math.random(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  // WebCrypto answers by promises only; node:crypto is there on all three runtimes.
  hmacSha256: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
  every,
  descriptorsMax,
  memoryLoad,
};

function every(intervalMs: number, onTick: () => void): Ticker {
  const timer = setInterval(onTick, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** As last read: without a descriptor the file can't be, and that is when it is asked for. */
let descriptorsMaxRead: number | null = null;

function descriptorsMax(): number | null {
  // Deno with narrow permissions would stop and ask on the terminal.
  if (!isPermitted({ name: "read", path: LIMITS_FILE })) return null;
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, "latin1"))?.[1];
    descriptorsMaxRead = soft === undefined ? null : Number(soft);
  } catch {
    // The file is missing, or no descriptor is left for it.
  }
  return descriptorsMaxRead;
}

/** A container's limit, else the machine's memory. */
let memoryMax = 0;

/** Infinity where Deno may not ask: the heap's own limit still counts. */
function memoryInAll(): number {
  if (!isPermitted({ name: "sys", kind: "systemMemoryInfo" })) return Number.POSITIVE_INFINITY;
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

function memoryLoad(): number | null {
  const resident = residentBytes();
  if (resident === null) return null;
  // Behind that: without a descriptor the limit looks like none, and it is asked for only once.
  if (memoryMax === 0) memoryMax = memoryInAll();
  const ofAll = resident / memoryMax;
  // JavaScriptCore has no limit of its own, and counting its heap takes 6 ms.
  if ("Bun" in globalThis) return ofAll;
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return Math.max(ofAll, used / limit);
}

/** All read a file for it. When no descriptor is left Node and Bun throw, and Deno says 0. */
function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss() || null;
  } catch {
    return null;
  }
}
