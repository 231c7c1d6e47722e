// Runs the test suite on one or several runtimes, each file in a process of its own, and ends with one line of counts.
//
//   npm test                                          all files on node, deno and bun
//   npm test -- --runtime node24 parse-head           files whose path contains "parse-head", on Node 24
//
// Options: --runtime NAME[,NAME…] (node, node24, deno, bun; repeatable), --jobs N (default 2), --verbose.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { parseArgs } from "node:util";
import {
  cliCommandOn,
  executableOf,
  missingRuntime,
  projectRoot,
  type RuntimeName,
  runtimeNames,
  scriptOptions,
} from "./support/runtime-command.ts";
import { addTally, type Tally, tallyFromJunit, tallyText } from "./support/tally.ts";

// Well above the slowest file, so that only a hanging one meets it.
const fileTimeoutMs = 300_000;
// A process that prints without end must not fill the memory.
const outputCharsMax = 400_000;

interface Outcome {
  readonly file: string;
  readonly tally: Tally;
  readonly output: string;
  /** What went wrong with the file as a whole, beside its tests. */
  readonly trouble: string | null;
  readonly seconds: number;
}

const running = new Set<ChildProcess>();
const reportFolder = mkdtempSync(join(tmpdir(), "millrace-test-"));
process.once("exit", () => rmSync(reportFolder, { recursive: true, force: true }));
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
  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const runtime of values.runtime.flatMap((names) => names.split(","))) {
    const tally = await runOn(runtime, files, jobs, values.verbose);
    addTally(total, tally);
    lines.push(`${runtime.padEnd(8)}${tallyText(tally)}`);
  }
  const nothingRan = total.passed + total.failed === 0;
  if (nothingRan) console.log("No test ran: check the names given, or that test/ holds *.test.ts files.");
  console.log(`\n${lines.join("\n")}\n\n${tallyText(total)}`);
  return total.failed > 0 || nothingRan ? 1 : 0;
}

async function runOn(name: string, files: readonly string[], jobs: number, verbose: boolean): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const runtime = runtimeNames.find((known) => known === name);
  const problem =
    runtime === undefined ? `Unknown runtime "${name}": use ${runtimeNames.join(", ")}` : missingRuntime(runtime);
  if (runtime === undefined || problem !== null) {
    console.log(problem);
    return { ...tally, failed: 1 };
  }
  console.log(`\n— ${runtime}: ${files.length} files`);
  const waiting = [...files];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await runFile(runtime, file);
      addTally(tally, outcome.tally);
      print(runtime, outcome, verbose);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return tally;
}

async function runFile(runtime: RuntimeName, file: string): Promise<Outcome> {
  const report = join(reportFolder, `${runtime}-${file.replaceAll(/[^\w.-]/g, "_")}.xml`);
  const startedMs = performance.now();
  const { output, code, timedOut } = await runProcess(runtime, [...testOptions(runtime, report), file]);
  const tally = tallyFromJunit(readIfThere(report));
  let trouble: string | null = null;
  if (timedOut)
    trouble = `stopped after ${fileTimeoutMs / 1000} s: a test hangs, or something it opened was not closed`;
  else if (tally.passed + tally.failed + tally.skipped === 0) trouble = `ran no test (exit code ${code})`;
  else if (code !== 0 && tally.failed === 0) trouble = `exit code ${code}, though no test failed`;
  if (trouble !== null) tally.failed++;
  return { file, tally, output, trouble, seconds: (performance.now() - startedMs) / 1000 };
}

/** Each runtime's own test runner, told to write a JUnit report beside what it prints. */
function testOptions(runtime: RuntimeName, report: string): string[] {
  if (runtime === "deno") return ["test", "-A", "--no-check", `--junit-path=${report}`];
  if (runtime === "bun")
    return ["test", `--timeout=${fileTimeoutMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
  // A file started by itself runs its tests as `--test` would, without a second process that only collects.
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  return [...scriptOptions(runtime), ...reporters, "--test-reporter=junit", `--test-reporter-destination=${report}`];
}

interface Finished {
  readonly output: string;
  readonly code: number | null;
  readonly timedOut: boolean;
}

function runProcess(runtime: RuntimeName, args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const command = JSON.stringify(cliCommandOn(runtime));
    const env = { ...process.env, NO_COLOR: "1", MILLRACE_RUNTIME: runtime, MILLRACE_COMMAND: command };
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
    `${bad ? "FAILED" : "ok    "} ${runtime} ${outcome.file}  ${tallyText(outcome.tally)} (${outcome.seconds.toFixed(1)} s)`,
  );
  if (bad || verbose) console.log(outcome.output.replace(/^/gm, "    ").trimEnd());
  if (outcome.trouble !== null) console.log(`    ${outcome.file}: ${outcome.trouble}`);
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
