// Where the microseconds of a request go, on one runtime and one case of the bench: CPU profile of the runtime by area
// and function, and what the kernel says of the same load.
//
//   npm run bench:profile -- --runtime bun --case small
//   npm run bench:profile -- --runtime node24 --case small --allocations      bytes by function instead (node24, deno)
//
// Options: --runtime NAME (node24), --case CASE (small), --seconds N (6), --warm-up N (8), --connections N, --top N (20),
// --flags "--max-semi-space-size=32" (more options for the runtime), --cores PROXY,LOAD (0,1), --keep FOLDER (profiles).

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type RuntimeName, runtimeNames } from "../test/support/runtime-command.ts";
import { allocations } from "./allocations.ts";
import { LOAD_CASES, type LoadCase } from "./cases.ts";
import { stopChildren, stopChildrenWithUs } from "./child.ts";
import { parseCores } from "./cores.ts";
import { instant, type SelfTime, selfTimes } from "./cpu-profile.ts";
import { areaOf, frameText, IDLE } from "./frame-area.ts";
import { load } from "./load.ts";
import { perfAreas, perfMissing, startPerf } from "./perf-profile.ts";
import { cpuTimes } from "./process-usage.ts";
import { table } from "./report.ts";
import { type StartedTarget, startOrigin, startTarget } from "./start-targets.ts";
import { millrace } from "./targets.ts";

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "node24" },
    case: { type: "string", default: "small" },
    seconds: { type: "string", default: "6" },
    "warm-up": { type: "string", default: "8" },
    connections: { type: "string" },
    top: { type: "string", default: "20" },
    flags: { type: "string", default: "" },
    cores: { type: "string", default: "0,1" },
    allocations: { type: "boolean", default: false },
    keep: { type: "string" },
  },
});
const runtime = runtimeNames.find((name) => name === values.runtime);
const found = LOAD_CASES.find(({ name }) => name === values.case);
if (runtime === undefined || found === undefined) {
  console.error(`--runtime is one of ${runtimeNames.join(", ")}; --case one of ${LOAD_CASES.map(({ name }) => name)}`);
  process.exit(2);
}
const loadCase: LoadCase = { ...found, connections: Number(values.connections ?? found.connections) };
const [seconds, warmUpSeconds] = [Number(values.seconds), Number(values["warm-up"])];
const cores = parseCores(values.cores);
const flags = values.flags.split(" ").filter((flag) => flag !== "");
const folder = mkdtempSync(join(tmpdir(), "millrace-profile-"));
const kept = values.keep ?? folder;
mkdirSync(kept, { recursive: true });

interface Measured {
  readonly requests: number;
  readonly userUs: number;
  readonly systemUs: number;
}

stopChildrenWithUs(() => rmSync(folder, { recursive: true, force: true }));
try {
  const originPort = await startOrigin(folder, cores);
  console.log(`millrace-${runtime}, ${loadCase.title}, ${loadCase.connections} connections`);
  if (values.allocations) await profileAllocations(runtime, originPort);
  else {
    await profileJavaScript(runtime, originPort);
    const missing = perfMissing();
    if (missing === null) await profileKernel(runtime, originPort);
    else console.log(`\nNot asked: the kernel. ${missing}`);
  }
} catch (error) {
  console.error(`profile: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopChildren();
}

async function profileJavaScript(runtime: RuntimeName, originPort: number): Promise<void> {
  const name = `${runtime}-${loadCase.name}.cpuprofile`;
  // Four samples a millisecond: with one, 6 s are too few for what takes a fiftieth.
  const options = ["--cpu-prof", `--cpu-prof-dir=${kept}`, `--cpu-prof-name=${name}`, "--cpu-prof-interval=250"];
  const started = await start(runtime, originPort, options);
  const from = instant();
  const measured = await measure(started);
  const to = instant();
  await started.child.stop();

  const { requests, userUs, systemUs } = measured;
  const times = selfTimes(join(kept, name), from, to).filter(({ frame }) => areaOf(frame) !== IDLE);
  const samples = times.reduce((sum, time) => sum + time.samples, 0);
  if (samples === 0) throw new Error(`no sample in the profile: ${started.child.lastWords}`);
  const usPerSample = (userUs + systemUs) / requests / samples;
  console.log(`\nBy the runtime's own profiler, which costs time itself: ${textOf(measured)}\n`);
  console.log(table([["area", "µs/req", "%"], ...rowsOf(areasOf(times), usPerSample)]));
  const top = times.slice(0, Number(values.top)).map(({ frame, samples }) => [frameText(frame), samples] as const);
  console.log(`\n${table([["function, by itself", "µs/req", "%"], ...rowsOf(new Map(top), usPerSample, samples)])}`);
}

async function profileKernel(runtime: RuntimeName, originPort: number): Promise<void> {
  const file = join(kept, `${runtime}-${loadCase.name}.perf`);
  const started = await start(runtime, originPort, []);
  const perf = startPerf(started.child.pid, file);
  const measured = await measure(started);
  await perf.stop();
  await started.child.stop();
  const areas = perfAreas(file);
  const samples = [...areas.values()].reduce((sum, count) => sum + count, 0);
  const usPerSample = (measured.userUs + measured.systemUs) / measured.requests / samples;
  console.log(`\nBy perf, without that profiler: ${textOf(measured)}\n`);
  console.log(table([["area", "µs/req", "%"], ...rowsOf(areas, usPerSample)]));
}

async function profileAllocations(runtime: RuntimeName, originPort: number): Promise<void> {
  if (runtime === "bun") throw new Error("Bun's heap profiler counts what is alive, not what was allocated");
  const started = await start(runtime, originPort, ["--inspect=127.0.0.1:0"]);
  const profiler = await allocations(started.child);
  const { requests } = await measure(started);
  const sites = await profiler.stop();
  const total = sites.reduce((sum, { bytes }) => sum + bytes, 0);
  const byArea = new Map<string, number>();
  for (const { frame, bytes } of sites) byArea.set(areaOf(frame), (byArea.get(areaOf(frame)) ?? 0) + bytes);
  const top = sites.slice(0, Number(values.top)).map(({ frame, bytes }) => [frameText(frame), bytes] as const);
  console.log(`\n${(total / requests).toFixed(0)} bytes per request on the heap of JavaScript\n`);
  console.log(table([["area", "bytes/req", "%"], ...rowsOf(byArea, 1 / requests)]));
  console.log(`\n${table([["function, by itself", "bytes/req", "%"], ...rowsOf(new Map(top), 1 / requests, total)])}`);
  await started.child.stop();
}

async function start(runtime: RuntimeName, originPort: number, options: readonly string[]): Promise<StartedTarget> {
  const started = await startTarget(millrace(runtime, [...flags, ...options]), originPort, cores, folder);
  await load(started, loadCase, warmUpSeconds, cores);
  return started;
}

async function measure(started: StartedTarget): Promise<Measured> {
  const before = cpuTimes(started.child.pid);
  const { requests, bytesRead } = await load(started, loadCase, seconds, cores);
  const after = cpuTimes(started.child.pid);
  return {
    requests: loadCase.bodyBytes === null ? requests : bytesRead / loadCase.bodyBytes,
    userUs: after.userUs - before.userUs,
    systemUs: after.systemUs - before.systemUs,
  };
}

function textOf({ requests, userUs, systemUs }: Measured): string {
  const us = (value: number) => (value / requests).toFixed(1);
  return `${us(userUs + systemUs)} µs per request, ${us(userUs)} user and ${us(systemUs)} system`;
}

function areasOf(times: readonly SelfTime[]): ReadonlyMap<string, number> {
  const areas = new Map<string, number>();
  for (const { frame, samples } of times) areas.set(areaOf(frame), (areas.get(areaOf(frame)) ?? 0) + samples);
  return areas;
}

/** What has less than 0.2 % is left out. */
function rowsOf(counts: ReadonlyMap<string, number>, scale: number, whole = Number.NaN): string[][] {
  const total = Number.isNaN(whole) ? [...counts.values()].reduce((sum, count) => sum + count, 0) : whole;
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .filter(([, count]) => count > total / 500)
    .map(([name, count]) => [name, (count * scale).toFixed(2), ((100 * count) / total).toFixed(1)]);
}
