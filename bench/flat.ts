// Memory over millions of requests: in the second half, it may not grow.
//
//   npm run bench:flat -- --runtimes bun                  10 million small requests, some three minutes
//   npm run bench:flat -- --requests 500000               each runtime, fewer
//
// Options: --requests N (10000000), --runtimes a,b, --minutes N (4, for each runtime at most: what has not come to the
// number by then says how far it came), --cores PROXY,LOAD (0,1). Flat: the most resident memory of the second half is at
// most 4 MiB above that of the first, of which the first tenth is left out; medians of each tenth are told, too. Exit code 1
// where it is not.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { missingRuntime, type RuntimeName, runtimeNames } from "../test/support/runtime-command.ts";
import { LOAD_CASES } from "./cases.ts";
import { stopChildren, stopChildrenWithUs } from "./child.ts";
import { parseCores } from "./cores.ts";
import { load } from "./load.ts";
import { median } from "./median.ts";
import { residentKiB } from "./process-usage.ts";
import { table } from "./report.ts";
import { startOrigin, startTarget } from "./start-targets.ts";
import { millrace } from "./targets.ts";

const GROWTH_MAX_MIB = 4;
const SLICE_SECONDS = 5;
const SAMPLE_MS = 200;

interface Sample {
  readonly requests: number;
  readonly mib: number;
}

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000000" },
    runtimes: { type: "string", default: runtimeNames.join(",") },
    minutes: { type: "string", default: "4" },
    cores: { type: "string", default: "0,1" },
  },
});
const wanted = Number(values.requests);
const cores = parseCores(values.cores);
const folder = mkdtempSync(join(tmpdir(), "millrace-flat-"));

stopChildrenWithUs(() => rmSync(folder, { recursive: true, force: true }));
try {
  const originPort = await startOrigin(folder, cores);
  const rows: string[][] = [];
  for (const runtime of runtimeNames.filter((name) => values.runtimes.split(",").includes(name))) {
    const missing = missingRuntime(runtime);
    if (missing === null) rows.push(judged(runtime, await sampled(runtime, originPort)));
    else console.log(`Not measured: ${missing}`);
  }
  console.log(
    `\n${table([["", "requests", "MiB at 10 %", "most, first half", "most, second half", "verdict"], ...rows])}`,
  );
} catch (error) {
  console.error(`flat: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopChildren();
}

async function sampled(runtime: RuntimeName, originPort: number): Promise<readonly Sample[]> {
  const started = await startTarget(millrace(runtime), originPort, cores, folder);
  const samples: Sample[] = [];
  let requests = 0;
  const deadlineMs = performance.now() + Number(values.minutes) * 60_000;
  while (requests < wanted && performance.now() < deadlineMs) {
    const slice: number[] = [];
    const timer = setInterval(() => void slice.push(residentKiB(started.child.pid) / 1024), SAMPLE_MS);
    const { requests: done, errors } = await load(started, LOAD_CASES[0]!, SLICE_SECONDS, cores);
    clearInterval(timer);
    if (errors > 0 || !started.child.isRunning)
      throw new Error(`${runtime}: ${errors} errors; ${started.child.lastWords}`);
    for (const [i, mib] of slice.entries()) samples.push({ requests: requests + (done * (i + 1)) / slice.length, mib });
    requests += done;
  }
  await started.child.stop();
  return samples;
}

function judged(runtime: RuntimeName, samples: readonly Sample[]): string[] {
  const requests = samples.at(-1)?.requests ?? 0;
  const between = (from: number, to: number) =>
    samples.filter((one) => one.requests >= requests * from && one.requests <= requests * to).map(({ mib }) => mib);
  const atTenth = between(0.1, 1)[0] ?? Number.NaN;
  const [first, second] = [Math.max(...between(0.1, 0.5)), Math.max(...between(0.5, 1))];
  const isFlat = second - first <= GROWTH_MAX_MIB;
  const isWhole = requests >= wanted;
  if (!isFlat || !isWhole) process.exitCode = 1;
  const verdict = `${isFlat ? "flat" : "GROWS"}${isWhole ? "" : `, ${(wanted - requests).toFixed(0)} short`}`;
  const row = [runtime, requests.toFixed(0), atTenth.toFixed(1), first.toFixed(1), second.toFixed(1), verdict];
  console.log(row.join("  "));
  const tenths = Array.from({ length: 10 }, (_, i) => median(between(i / 10, (i + 1) / 10)).toFixed(0));
  console.log(`  medians of the tenths: ${tenths.join(" ")}`);
  return row;
}
