/** Requests at a rate, whether or not those before are answered: h2load on its core, and what each of them took. */

import { readFileSync, rmSync } from "node:fs";
import { startChild } from "./child.ts";

export interface OpenLoop {
  readonly url: string;
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly seconds: number;
  readonly core: number | null;
  /** Where h2load may write. */
  readonly logFile: string;
}

/** Sorted, in milliseconds. */
export interface Latencies {
  readonly ms: readonly number[];
  readonly errors: number;
}

export async function openLoop(plan: OpenLoop): Promise<Latencies> {
  const { url, requestsPerSecond, connections, seconds, core, logFile } = plan;
  const rate = Math.max(1, Math.round(requestsPerSecond / connections));
  const options = ["--h1", "-t", "1", "-c", `${connections}`, "-D", `${seconds}`, "--warm-up-time", "1"];
  const command = ["h2load", ...options, "--rps", `${rate}`, "--log-file", logFile, url];
  const child = startChild({ name: "h2load", command, core });
  const report = await child.output;
  const done = /requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(report);
  if (done === null) throw new Error(`h2load gave no report: ${child.lastWords.trim() || "it said nothing"}`);
  // Start, status, microseconds until the end.
  const rows = readFileSync(logFile, "latin1").trim().split("\n");
  rmSync(logFile);
  const ms = rows.map((row) => Number(row.split("\t")[2]) / 1000).sort((a, b) => a - b);
  const refused = rows.filter((row) => row.split("\t")[1] !== "200").length;
  return { ms, errors: Number(done[3]) + refused };
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
