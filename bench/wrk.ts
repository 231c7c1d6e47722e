/** One run of the load generator: started on its core, read when it is done. */

import { startChild } from "./child.ts";

export interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly closeEach: boolean;
  readonly headers: readonly string[];
  /** A file with Lua that makes the requests; null where the URL says it all. */
  readonly script: string | null;
  readonly core: number | null;
}

export interface LoadResult {
  readonly requests: number;
  /** Of responses that were cut off by the end of the run, too. */
  readonly bytesRead: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly errors: number;
}

export async function wrk({ url, seconds, connections, closeEach, headers, script, core }: Load): Promise<LoadResult> {
  const args = ["--threads", "1", "--connections", `${connections}`, "--duration", `${seconds}s`, "--latency"];
  const fields = [...headers, ...(closeEach ? ["Connection: close"] : [])].flatMap((field) => ["--header", field]);
  const lua = script === null ? [] : ["--script", script];
  const child = startChild({ name: "wrk", command: ["wrk", ...args, ...fields, ...lua, url], core });
  const result = readReport(await child.output);
  if (result === null) throw new Error(`wrk gave no report: ${child.lastWords.trim() || "it said nothing"}`);
  return result;
}

const MS_PER: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

const BYTES_PER: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** Null when it is no report. */
export function readReport(text: string): LoadResult | null {
  const total = /(\d+) requests in [^,]+, ([\d.]+)([KMGT]?B) read/.exec(text);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(text);
  const p99 = /99%\s+([\d.]+)(us|ms|s|m)\b/.exec(text);
  if (total === null || rate === null || p99 === null) return null;
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ?? [];
  const badStatus = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  return {
    requests: Number(total[1]),
    bytesRead: Number(total[2]) * (BYTES_PER[total[3] as string] ?? 1),
    requestsPerSecond: Number(rate[1]),
    p99Ms: Number(p99[1]) * (MS_PER[p99[2] as string] ?? 1),
    errors: [...socketErrors.slice(1), badStatus?.[1] ?? "0"].reduce((sum, count) => sum + Number(count), 0),
  };
}
