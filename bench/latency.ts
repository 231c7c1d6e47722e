// Latency at a rate all can serve: half of what the slowest target serves when it is saturated, open loop.
//
//   npm run bench:latency
//   npm run bench:latency -- --targets nginx,millrace-bun --rounds 3 --seconds 3
//
// Options: --targets NAMES, --rounds N (5), --seconds N (4), --warm-up N (6), --rate N (instead of half), --cores PROXY,LOAD
// (0,1). h2load and the origin share a core, as wrk does in the bench. The goal: p99 within a millisecond of nginx's.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LOAD_CASES } from "./cases.ts";
import { stopChildren, stopChildrenWithUs } from "./child.ts";
import { parseCores } from "./cores.ts";
import { pathOf } from "./installed.ts";
import { load } from "./load.ts";
import { median } from "./median.ts";
import { openLoop, percentile } from "./open-loop.ts";
import { cpuUs } from "./process-usage.ts";
import { REFERENCE, table } from "./report.ts";
import { type StartedTarget, startOrigin, startTarget } from "./start-targets.ts";
import { allTargets } from "./targets.ts";

const P99_OVER_NGINX_MS_MAX = 1;
const DEFAULT_TARGETS = "nginx,millrace-node24,millrace-deno,millrace-bun";

const { values } = parseArgs({
  options: {
    targets: { type: "string", default: DEFAULT_TARGETS },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    "warm-up": { type: "string", default: "6" },
    rate: { type: "string" },
    cores: { type: "string", default: "0,1" },
  },
});
const small = LOAD_CASES[0]!;
const cores = parseCores(values.cores);
const folder = mkdtempSync(join(tmpdir(), "millrace-latency-"));

interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly cpuUsPerRequest: number;
}

stopChildrenWithUs(() => rmSync(folder, { recursive: true, force: true }));
try {
  await main();
} catch (error) {
  console.error(`latency: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopChildren();
}

async function main(): Promise<void> {
  for (const need of ["nginx", "wrk", "h2load"])
    if (pathOf(need) === null) throw new Error(`${need} is not installed (h2load is in the package nghttp2-client)`);
  const originPort = await startOrigin(folder, cores);
  const names = values.targets.split(",");
  const targets: StartedTarget[] = [];
  for (const target of allTargets().filter(({ name }) => names.includes(name))) {
    if (target.missing === null) targets.push(await startTarget(target, originPort, cores, folder));
    else console.log(`Not measured: ${target.name}: ${target.missing}`);
  }
  const saturated: number[] = [];
  for (const target of targets) {
    if (target.target.compilesWhileRunning) await load(target, small, Number(values["warm-up"]), cores);
    saturated.push((await load(target, small, 2, cores)).requestsPerSecond);
    console.log(`${target.name.padEnd(16)} ${saturated.at(-1)?.toFixed(0)} req/s when saturated`);
  }
  const rate = values.rate === undefined ? Math.min(...saturated) / 2 : Number(values.rate);
  const rounds = new Map<string, Round[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const target of targets) rounds.get(target.name)?.push(await measured(target, rate));
  console.log(`\nOpen loop, ${rate.toFixed(0)} req/s on ${small.connections} connections\n\n${tableOf(rounds)}\n`);
  for (const line of verdicts(rounds)) console.log(line);
}

async function measured({ name, child, port }: StartedTarget, requestsPerSecond: number): Promise<Round> {
  const { connections } = small;
  const url = `http://127.0.0.1:${port}${small.path}`;
  const beforeUs = cpuUs(child.pid);
  const plan = { url, requestsPerSecond, connections, seconds: Number(values.seconds), core: cores.load };
  const { ms, errors } = await openLoop({ ...plan, logFile: join(folder, "h2load.log") });
  if (errors > 0 || ms.length === 0) throw new Error(`${name}: ${errors} of ${ms.length} requests failed`);
  // The second before is in the times, not in the log.
  const cpuUsPerRequest = (cpuUs(child.pid) - beforeUs) / (requestsPerSecond * (Number(values.seconds) + 1));
  const [p50, p99, p999] = [percentile(ms, 0.5), percentile(ms, 0.99), percentile(ms, 0.999)];
  return { p50, p99, p999, max: ms.at(-1)!, cpuUsPerRequest };
}

function tableOf(rounds: ReadonlyMap<string, readonly Round[]>): string {
  const header = ["", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "best p99", "CPU µs/req"];
  const rows = [...rounds].map(([name, all]) => {
    const middle = (key: keyof Round) => median(all.map((round) => round[key])).toFixed(2);
    const best = Math.min(...all.map(({ p99 }) => p99)).toFixed(2);
    const most = Math.max(...all.map(({ max }) => max)).toFixed(2);
    return [name, middle("p50"), middle("p99"), middle("p999"), most, best, middle("cpuUsPerRequest")];
  });
  return table([header, ...rows]);
}

/** Within a round, for what disturbs one of its targets mostly disturbs the next one, too. */
function verdicts(rounds: ReadonlyMap<string, readonly Round[]>): readonly string[] {
  const reference = rounds.get(REFERENCE);
  if (reference === undefined) return [];
  return [...rounds]
    .filter(([name]) => name.startsWith("millrace-"))
    .map(([name, all]) => {
      const over = median(all.map(({ p99 }, i) => p99 - reference[i]!.p99));
      const verdict = over <= P99_OVER_NGINX_MS_MAX ? "reached" : "MISSED ";
      return `${verdict}  ${name}: p99 over nginx's ${over.toFixed(2)} ms, at most ${P99_OVER_NGINX_MS_MAX}`;
    });
}
