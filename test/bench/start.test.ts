// That bench/start.ts still measures: the figures themselves are worth something on a quiet machine only.

import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";

// The run on Node 24 starts the others; memory is read from /proc.
describe("the bench of starts", { ignore: runtimeUnderTest() !== "node24" || process.platform !== "linux" }, () => {
  const bench = (...args: string[]) => {
    const argv = [process.execPath, ...scriptOptions("node24"), "bench/start.ts", ...args];
    return runProgram(argv, { cwd: projectRoot, timeoutMs: 60_000 });
  };

  it("tells how long a start takes, and what it holds then", async () => {
    const { code, stdout, stderr } = await bench("--quick", "--only", "sources on Bun");
    assert.equal(code, 0, stderr);
    const row = /^\| sources on Bun +\| +\| +(\d+) \(\d+\) \| +(\d+) \(\d+\) \| +([\d.]+) \| +([\d.]+) \|$/m.exec(
      stdout,
    );
    assert.ok(row !== null, stdout);
    const [yamlMs = 0, programMs = 0, residentMiB = 0, ownMiB = 0] = row.slice(1).map(Number);
    assert.ok(yamlMs > 5 && programMs > 5, stdout);
    assert.ok(ownMiB > 1 && residentMiB > ownMiB, stdout);
  });

  it("names what is not there, and what it does not know", async () => {
    const absent = await bench("--quick", "--only", "executable of Bun", "--out", "nowhere");
    assert.equal(absent.code, 1);
    assert.match(absent.stdout, /^Not measured: executable of Bun: \S+millrace-bun is not there$/m);
    const wrong = await bench("--only", "nginx");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--only some of: executable of Bun, /);
  });
});
