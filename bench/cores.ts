/** Which core the proxy has for itself, and which one the load generator and the origin share. */

import { availableParallelism } from "node:os";
import { pathOf } from "./installed.ts";

export interface Cores {
  readonly proxy: number | null;
  readonly load: number | null;
}

/** `text` is "0,1": the proxy's, then the load's. */
export function parseCores(text: string): Cores {
  if (availableParallelism() < 2 || pathOf("taskset") === null) return { proxy: null, load: null };
  const [proxy, load] = text.split(",").map(Number);
  if (!Number.isInteger(proxy) || !Number.isInteger(load)) throw new Error(`--cores ${text}: two numbers, such as 0,1`);
  return { proxy: proxy as number, load: load as number };
}
