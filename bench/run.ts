// Measures Millrace on each runtime beside other proxies, in one run: see bench/README.md.
//
//   npm run bench                                      everything, five rounds: about twenty minutes
//   npm run bench -- --quick                           one short round: is anything far off?
//   npm run bench -- --only small,idle --targets nginx,millrace-bun
//   npm run bench -- --only small --targets nginx,millrace-bun --with "bun --smol"     the same with options of a runtime
//
// Options: --rounds N (5), --seconds N (3), --warm-up N (30, at most so many seconds), --cores PROXY,LOAD (0,1), --json FILE.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CASE_NAMES, IDLE_CASE, LOAD_CASES } from "./cases.ts";
import { stopChildren, stopChildrenWithUs } from "./child.ts";
import { type Cores, parseCores } from "./cores.ts";
import { judge } from "./goals.ts";
import { pathOf } from "./installed.ts";
import { type IdleSample, measureIdle } from "./measure-idle.ts";
import { measureLoad, type Sample, takesPart } from "./measure-load.ts";
import { idleTable, loadTable, summarize } from "./report.ts";
import { type StartedTarget, startOrigin, startTarget } from "./start-targets.ts";
import { allTargets, type Target, targetWith } from "./targets.ts";

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly cases: readonly string[];
  readonly targets: readonly Target[];
  readonly cores: Cores;
  readonly jsonFile: string | null;
}

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
stopChildrenWithUs(() => rmSync(folder, { recursive: true, force: true }));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopChildren();
}

async function main(): Promise<number> {
  const options = readOptions();
  for (const need of ["nginx", "wrk"]) {
    if (pathOf(need) === null)
      throw new Error(`${need} is not installed, and nothing can be measured without it: install the package ${need}`);
  }
  const absent = options.targets.filter((target) => target.missing !== null);
  for (const target of absent) console.log(`Not measured: ${target.name}: ${target.missing}`);
  if (options.cores.proxy === null) console.log("Not pinned: this needs two cores and taskset; compare with care");
  const present = options.targets.filter((target) => target.missing === null);
  const about = describeRun(present);
  console.log(about);

  const { samples, idle, failures } = await measureAll(options, present);
  const summaries = summarize(samples);
  const tables = LOAD_CASES.map((one) => loadTable(one, summaries)).filter((text) => text !== "");
  if (idle.length > 0) tables.push(idleTable(idle));
  const goals = judge(summaries, idle);
  console.log(`\n${tables.join("\n\n")}\n\n${goals.join("\n")}`);
  for (const failure of failures) console.log(`Failed: ${failure}`);
  if (options.jsonFile !== null) {
    const report = { about: about.split("\n"), summaries, idle, goals, failures, samples };
    writeFileSync(options.jsonFile, `${JSON.stringify(report, null, 1)}\n`);
  }
  return failures.length > 0 ? 1 : 0;
}

async function measureAll(options: Options, present: readonly Target[]) {
  const origin = await startOrigin(folder, options.cores);
  const failures = new Set<string>();
  const startAll = async (targets: readonly Target[]) => {
    const started: StartedTarget[] = [];
    for (const target of targets) {
      try {
        started.push(await startTarget(target, origin, options.cores, folder));
      } catch (error) {
        failures.add((error as Error).message);
      }
    }
    return started;
  };

  let samples: readonly Sample[] = [];
  const cases = LOAD_CASES.filter((one) => options.cases.includes(one.name));
  if (cases.length > 0) {
    const targets = await startAll(present.filter((target) => cases.some((one) => takesPart(target, one))));
    samples = await measureLoad(
      { ...options, targets, cases },
      { onSample: printSample, onFailure: (message) => failures.add(message) },
    );
    for (const { name, child } of targets)
      if (!child.isRunning) failures.add(`${name} ended during the run: ${child.lastWords.trim()}`);
    await Promise.all(targets.map(({ child }) => child.stop()));
  }

  const idle: IdleSample[] = [];
  if (options.cases.includes(IDLE_CASE)) {
    // A pipe holds one upstream connection for each client: not the same thing.
    for (const target of present.filter((one) => one.kind !== "pipe" && one.setup === "plain")) {
      const [started] = await startAll([target]);
      if (started === undefined) continue;
      try {
        idle.push(await measureIdle(started));
      } catch (error) {
        failures.add(`${target.name}, idle connections: ${(error as Error).message}`);
      }
      await started.child.stop();
    }
  }
  return { samples, idle, failures: [...failures] };
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      targets: { type: "string" },
      with: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "warm-up": { type: "string" },
      cores: { type: "string", default: "0,1" },
      json: { type: "string" },
    },
  });
  const targets = allTargets();
  const targetNames = namesFrom(
    "--targets",
    values.targets,
    targets.map((target) => target.name),
  );
  return {
    rounds: numberFrom("--rounds", values.rounds ?? (values.quick ? "1" : "5")),
    seconds: numberFrom("--seconds", values.seconds ?? (values.quick ? "1" : "3")),
    warmUpSeconds: numberFrom("--warm-up", values["warm-up"] ?? (values.quick ? "4" : "30")),
    cases: namesFrom("--only", values.only, CASE_NAMES),
    targets: [...targets.filter((target) => targetNames.includes(target.name)), ...values.with.map(targetWith)],
    cores: parseCores(values.cores),
    jsonFile: values.json ?? null,
  };
}

function namesFrom(option: string, text: string | undefined, known: readonly string[]): readonly string[] {
  const names = text?.split(",") ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`${option} ${unknown.join(",")}: unknown; there are ${known.join(", ")}`);
  return names;
}

function numberFrom(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} ${text}: a whole number from 1 up is meant`);
  return value;
}

function describeRun(targets: readonly Target[]): string {
  const versions = targets
    .filter(({ kind, setup, name }) => kind !== "pipe" && setup === "plain" && !name.includes(" "))
    .map((one) => `${one.name} ${one.version()}`);
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `${new Date().toISOString().slice(0, 16)}Z, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}, load average ${load.join(" ")}`,
    versions.join(", "),
  ].join("\n");
}

function printSample(sample: Sample): void {
  const { target, round, requestsPerSecond, p99Ms, cpuUsPerRequest, errors, loadAverage } = sample;
  console.log(
    `${sample.case.padEnd(6)}${round} ${target.padEnd(16)}${requestsPerSecond.toFixed(0).padStart(7)} req/s` +
      `${cpuUsPerRequest.toFixed(1).padStart(8)} µs${p99Ms.toFixed(1).padStart(8)} ms p99  load ${loadAverage.toFixed(1)}` +
      (errors > 0 ? `  ${errors} errors` : ""),
  );
}
