// What a request asks of the kernel on each runtime, against what it did when bench/syscalls.json was written.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

type Counts = Record<string, Record<string, number>>;

/** One call more in every second request is too many; threads of the runtime wake the loop up more often than that. */
const MORE_MAX: Readonly<Record<string, number>> = { reads: 0.5, writes: 0.5, waits: 2 };

/** On a machine that is very busy loops wake up in between; a call that we have added is there each time. */
const RUNS_MAX = 3;

/** Some containers forbid to look into processes. */
const mayTrace = () => spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;

// The run on Node 24 drives all runtimes.
const isIgnored = runtimeUnderTest() !== "node24" || lacksTool("strace") || !mayTrace();
describe("a request", { ignore: isIgnored }, () => {
  it("takes no more system calls than it did", async () => {
    const known = JSON.parse(readFileSync(join(projectRoot, "bench", "syscalls.json"), "utf8")) as Counts;
    let tooMany: string[] = [];
    for (let run = 0; run < RUNS_MAX; run++) {
      tooMany = beyond(known, await counted());
      if (tooMany.length === 0) break;
    }
    assert.deepEqual(tooMany, []);
  });
});

async function counted(): Promise<Counts> {
  const argv = [process.execPath, ...scriptOptions("node24"), "bench/syscalls.ts"];
  const { code, stdout, stderr } = await runProgram(argv, { cwd: projectRoot, timeoutMs: 90_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Counts;
}

function beyond(known: Counts, counts: Counts): string[] {
  const tooMany: string[] = [];
  for (const [runtime, kinds] of Object.entries(known))
    for (const [kind, count] of Object.entries(kinds)) {
      const now = counts[runtime]?.[kind] ?? Number.NaN;
      assert.ok(now > 1, `${runtime}: ${now} ${kind} cannot be: nothing was counted`);
      if (now > count + (MORE_MAX[kind] ?? 0))
        tooMany.push(`${runtime}: ${now} ${kind} per request instead of ${count}`);
    }
  return tooMany;
}
