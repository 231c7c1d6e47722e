// What a request allocates, against what it did when bench/counts.json was written.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { executableOf, projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";

type Counts = Record<string, { readonly bytes: number; readonly promises: number }>;

/** Some bytes are of tables that happen to grow just then. */
const GROWTH_MAX = 1.02;
const REMEDY =
  "look for what is new on the path of each request; if it is worth that, run `npm run -s bench:counts > bench/counts.json`";

// V8's own counts, of the version that package.json asks for.
describe("a request", { ignore: runtimeUnderTest() !== "node24" }, () => {
  it("allocates no more than it did, and makes no promise where no hook does", async () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    const args = String(manifest.scripts["bench:counts"]).split(" ").slice(1);
    const finished = await runProgram([executableOf("node24"), ...args], { cwd: projectRoot, timeoutMs: 60_000 });
    assert.equal(finished.code, 0, finished.stderr);
    const counts = JSON.parse(finished.stdout) as Counts;
    const known = JSON.parse(readFileSync(join(projectRoot, "bench", "counts.json"), "utf8")) as Counts;
    assert.deepEqual(Object.keys(counts), Object.keys(known));
    for (const [name, { bytes, promises }] of Object.entries(known)) {
      const now = counts[name]!;
      assert.ok(now.bytes <= bytes * GROWTH_MAX, `${name}: ${now.bytes} bytes instead of ${bytes}; ${REMEDY}`);
      assert.ok(now.promises <= promises, `${name}: ${now.promises} promises instead of ${promises}; ${REMEDY}`);
    }
    for (const name of ["no hook", "synchronous onRequest", "synchronous decide"]) {
      assert.equal(counts[name]?.promises, 0, name);
    }
  });
});
