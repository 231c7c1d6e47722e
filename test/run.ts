// Runs the test suite on one or several runtimes and ends with one line of counts. A file has a process of its own, but
// for those that only compute: sixteen of a folder share one, because loading core takes longer than most of them run.
// Node 20 runs bundles of them (`support/bundle-tests.ts`), the others the files themselves. In a run on
// both versions of Node those that only compute are run by Node 24: types know what Node 20 lacks, and Deno has V8, too.
//
//   npm test                                          all files on node, deno and bun
//   npm test -- --runtime node24 parse-head           files whose path contains "parse-head", on Node 24
//
// Options: --runtime NAME[,NAME…] (node, node24, deno, bun; repeatable), --jobs N (default 2), --verbose.
// With MILLRACE_BUILT=1 Node starts the command line tool from dist/, as it is installed (`npm run build` goes first).

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join, relative, sep } from "node:path";
import { parseArgs } from "node:util";
import { bundleScripts } from "./support/bundle-scripts.ts";
import { bundleTests } from "./support/bundle-tests.ts";
import {
  cliCommandOn,
  executableOf,
  missingRuntime,
  projectRoot,
  type RuntimeName,
  runtimeNames,
  scriptOptions,
} from "./support/runtime-command.ts";
import { addTally, filesWithoutTest, type Tally, tallyFromJunit, tallyText } from "./support/tally.ts";
import { UNCAUGHT } from "./support/tell-uncaught.ts";

// Well above the slowest file, so that only a hanging one meets it.
const fileTimeoutMs = 300_000;
// A process that prints without end must not fill the memory.
const outputCharsMax = 400_000;

/** They touch nothing outside the modules they test. */
const sharing = [
  /^\.\/test\/(?:core|scenario|testing)\//,
  /\/hostile\/(?:chunked|coverage|fields|framing|lines|responses|tunnel|upgrade|vector)\.test/,
  /\/cli\/(?:glob|line-writer|parse-document|print|read-text-file|requests-file|script-entries)\.test/,
  /\/cli\/(?:show-traces|value-pieces)\.test/,
];
const isSharing = (file: string) => sharing.some((pattern) => pattern.test(file));
/** Nothing of what they do depends on the version of a runtime. Some take too long to share a process. */
const onlyComputes = (file: string) => isSharing(file) || /\/hostile\/(?:simulated|pool)\.test/.test(file);
const sharingFilesMax = 16;
/** Their time is time of a core; others wait for processes and clocks for half of theirs. */
const computing = /^\.\/test\/(?:tools|bench|fuzz)\/|\/e2e\/executable/;
/** What takes long goes first, so that no job is alone with it at the end. */
const slowestFirst = [
  "/scenario/random-many",
  "/scenario/",
  "/e2e/executable",
  "/tools/",
  "/e2e/",
  "/hostile/",
  "/bench/",
];
/** Has Node and Deno run several files in one process and with one core, as Bun does by itself. */
const several = "./test/support/several.ts";
const tellUncaught = "./test/support/tell-uncaught.ts";
/** What a file does before or after every test, outside of a suite. */
const ownSteps = /^(?:before|after)(?:Each|All)?\(/m;

interface Group {
  readonly runtime: RuntimeName;
  readonly files: readonly string[];
}

interface Outcome {
  readonly name: string;
  readonly tally: Tally;
  readonly output: string;
  /** What went wrong with the file as a whole, beside its tests. */
  readonly trouble: string | null;
  readonly seconds: number;
}

const compileCache = join(tmpdir(), `millrace-compiled-${userInfo().uid}`);
const running = new Set<ChildProcess>();
const reportFolder = mkdtempSync(join(tmpdir(), "millrace-test-"));
/** Inside the project, so that packages are found. */
const bundleFolder = join(projectRoot, "out", basename(reportFolder));
const scriptFolder = join(bundleFolder, "scripts");
process.once("exit", () => {
  for (const folder of [reportFolder, bundleFolder]) rmSync(folder, { recursive: true, force: true });
});
process.exitCode = await main();

async function main(): Promise<number> {
  stopChildrenWithUs();
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runtime: { type: "string", multiple: true, default: ["node,deno,bun"] },
      jobs: { type: "string", default: "2" },
      verbose: { type: "boolean", default: false },
    },
  });
  const jobs = Math.max(1, Number(values.jobs) || 1);
  const files = testFiles().filter(
    (file) => positionals.length === 0 || positionals.some((part) => matches(file, part)),
  );
  const names = values.runtime.flatMap((text) => text.split(","));
  const ofNode20 = names.includes("node24") ? files.filter((file) => !onlyComputes(file)) : files;
  const tallies = new Map<string, Tally>();
  const groups: Group[] = [];
  for (const name of names) {
    const runtime = runtimeNames.find((known) => known === name);
    const problem =
      runtime === undefined ? `Unknown runtime "${name}": use ${runtimeNames.join(", ")}` : missingRuntime(runtime);
    tallies.set(name, { passed: 0, failed: problem === null ? 0 : 1, skipped: 0 });
    if (problem !== null) console.log(problem);
    else {
      const own = name === "node" ? ofNode20 : files;
      groups.push(...groupsOf(own).map((group) => ({ runtime: runtime!, files: group })));
    }
  }
  await bundleScripts(scriptFolder);
  console.log(`${files.length} files on ${[...tallies.keys()].join(", ")}`);
  const next = rowsOf(groups);
  const worker = async (_: unknown, number: number): Promise<void> => {
    for (let group = next(number); group !== undefined; group = next(number)) {
      const outcome = await runGroup(group.runtime, group.files);
      addTally(tallies.get(group.runtime)!, outcome.tally);
      print(group.runtime, outcome, values.verbose);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const tally of tallies.values()) addTally(total, tally);
  const nothingRan = total.passed + total.failed === 0;
  if (nothingRan) console.log("No test ran: check the names given, or that test/ holds *.test.ts files.");
  const lines = [...tallies].map(([name, tally]) => `${name.padEnd(8)}${tallyText(tally)}`);
  console.log(`\n${lines.join("\n")}\n\n${tallyText(total)}`);
  return total.failed > 0 || nothingRan ? 1 : 0;
}

/** The files that share a process. */
function groupsOf(files: readonly string[]): string[][] {
  const groups: string[][] = [];
  const open = new Map<string, string[]>();
  for (const file of files) {
    const folder = dirname(file);
    const neighbours = open.get(folder) ?? [];
    if (isSharing(file) && neighbours.length > 0 && neighbours.length < sharingFilesMax) neighbours.push(file);
    else {
      const group = [file];
      groups.push(group);
      if (isSharing(file)) open.set(folder, group);
    }
  }
  return groups;
}

/**
 * What the job of a number does next. One job computes while the others mostly wait, so that cores are neither idle nor fought
 * for. All runtimes stand in the same rows: at the end of each, jobs would wait for its slowest group.
 */
function rowsOf(groups: readonly Group[]): (job: number) => Group | undefined {
  const rank = ({ files }: Group) => {
    const place = slowestFirst.findIndex((part) => files.some((file) => file.includes(part)));
    return place === -1 ? slowestFirst.length : place;
  };
  const sorted = [...groups].sort((one, other) => rank(one) - rank(other));
  const isComputing = ({ files: [first = ""] }: Group) => onlyComputes(first) || computing.test(first);
  const rows = [sorted.filter(isComputing), sorted.filter((group) => !isComputing(group))] as const;
  return (job) => (job === 0 ? (rows[0].shift() ?? rows[1].shift()) : (rows[1].shift() ?? rows[0].shift()));
}

async function runGroup(runtime: RuntimeName, files: readonly string[]): Promise<Outcome> {
  const [first = ""] = files;
  const name =
    files.length === 1 ? first : files.map((file, i) => (i === 0 ? file : basename(file, ".test.ts"))).join(", ");
  const called = `${runtime}-${first.replaceAll(/[^\w.-]/g, "_")}`;
  const report = join(reportFolder, `${called}.xml`);
  const startedMs = performance.now();
  let entries: readonly string[];
  try {
    entries = await entriesOf(runtime, files, join(bundleFolder, called));
  } catch (error) {
    const tally = { passed: 0, failed: 1, skipped: 0 };
    return { name, tally, output: "", trouble: `could not be bundled: ${(error as Error).message}`, seconds: 0 };
  }
  const { output, code, timedOut } = await runProcess(runtime, [...testOptions(runtime, report, first), ...entries]);
  const xml = readIfThere(report);
  const tally = tallyFromJunit(xml);
  let trouble: string | null = null;
  if (timedOut)
    trouble = `stopped after ${fileTimeoutMs / 1000} s: a test hangs, or something it opened was not closed`;
  else if (tally.passed + tally.failed + tally.skipped === 0) trouble = `ran no test (exit code ${code})`;
  else if (code !== 0 && tally.failed === 0) trouble = `exit code ${code}, though no test failed`;
  else if (files.length > 1 && filesWithoutTest(xml, files).length > 0)
    trouble = `no test in ${filesWithoutTest(xml, files).join(", ")}`;
  else if (output.includes(UNCAUGHT)) trouble = UNCAUGHT;
  if (trouble !== null) tally.failed++;
  return { name, tally, output, trouble, seconds: (performance.now() - startedMs) / 1000 };
}

/** What the runtime is told to run, so that all files are run. */
async function entriesOf(
  runtime: RuntimeName,
  files: readonly string[],
  ownFolder: string,
): Promise<readonly string[]> {
  if (runtime === "node") return [await bundleTests(files, ownFolder)];
  if (files.length === 1 || runtime === "bun") return files;
  if (runtime !== "deno") return [several, ...files];
  const joined = files.filter((file) => !ownSteps.test(readIfThere(join(projectRoot, file))));
  if (joined.length < 2) return files;
  return [several, ...files.filter((file) => !joined.includes(file)), "--", ...joined];
}

/** Each runtime's own test runner, told to write a JUnit report beside what it prints. */
function testOptions(runtime: RuntimeName, report: string, first: string): string[] {
  if (runtime === "deno") return ["test", "-A", "--no-check", `--preload=${tellUncaught}`, `--junit-path=${report}`];
  if (runtime === "bun")
    return ["test", `--timeout=${fileTimeoutMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
  // A file started by itself runs its tests as `--test` would, without a second process that only collects.
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  const own = runtime === "node" ? ["--enable-source-maps"] : scriptOptions(runtime);
  // A twentieth of the time of simulations is saved where young objects have room.
  const room = isSharing(first) ? ["--min-semi-space-size=16", "--max-semi-space-size=32"] : [];
  return [...own, ...room, ...reporters, "--test-reporter=junit", `--test-reporter-destination=${report}`];
}

interface Finished {
  readonly output: string;
  readonly code: number | null;
  readonly timedOut: boolean;
}

function runProcess(runtime: RuntimeName, args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const command = JSON.stringify(cliCommandOn(runtime));
    const env = {
      ...process.env,
      NO_COLOR: "1",
      MILLRACE_RUNTIME: runtime,
      MILLRACE_COMMAND: command,
      MILLRACE_SCRIPTS: scriptFolder,
      // Node 24 strips types once, not once for each of some hundred processes.
      NODE_COMPILE_CACHE: compileCache,
    };
    // A group of its own, so that what the tests leave running can be stopped with them.
    const child = spawn(executableOf(runtime), args, {
      cwd: projectRoot,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    let output = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, fileTimeoutMs);
    const collect = (text: string): void => {
      if (output.length < outputCharsMax) output += text;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => collect(`cannot start ${executableOf(runtime)}: ${error.message}\n`));
    child.on("exit", () => killGroup(child));
    child.on("close", (code) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ output, code, timedOut });
    });
  });
}

function print(runtime: RuntimeName, outcome: Outcome, verbose: boolean): void {
  const bad = outcome.tally.failed > 0;
  console.log(
    `${bad ? "FAILED" : "ok    "} ${runtime} ${outcome.name}  ${tallyText(outcome.tally)} (${outcome.seconds.toFixed(1)} s)`,
  );
  if (bad || verbose) console.log(outcome.output.replace(/^/gm, "    ").trimEnd());
  if (outcome.trouble !== null) console.log(`    ${outcome.name}: ${outcome.trouble}`);
}

function testFiles(): string[] {
  const names = readdirSync(join(projectRoot, "test"), { recursive: true, encoding: "utf8" });
  const tests = names.filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"));
  // With the leading "./" Bun takes it for a path, not for a filter.
  return tests.map((name) => `./test/${name.split(sep).join("/")}`).sort();
}

function matches(file: string, part: string): boolean {
  const path = relative(projectRoot, join(projectRoot, part)).split(sep).join("/");
  return file.includes(part) || file.includes(path);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nothing is left of the group, as it should be.
  }
}

function stopChildrenWithUs(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const child of running) killGroup(child);
      process.exit(130);
    });
  }
}
