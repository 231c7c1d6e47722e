/** Resident memory over time: how far above the start it went. */

import { residentKiB } from "./process-usage.ts";

const EVERY_MS = 100;

export interface MemoryWatch {
  /** Stops watching; the most seen above what it was at the start, in MiB. */
  stop(): { readonly beforeMiB: number; readonly growthMiB: number };
}

export function watchMemory(pid: number): MemoryWatch {
  const beforeKiB = residentKiB(pid);
  let mostKiB = beforeKiB;
  const look = () => {
    mostKiB = Math.max(mostKiB, residentKiB(pid));
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return { beforeMiB: beforeKiB / 1024, growthMiB: (mostKiB - beforeKiB) / 1024 };
    },
  };
}
