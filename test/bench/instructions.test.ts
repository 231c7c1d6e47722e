// How much JavaScript a request runs through, against what it did when bench/instructions.json was written.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

const GROWTH_MAX = 1.01;
const REMEDY =
  "look for what is new on the path of each request; if it is worth that, run `npm run -s bench:instructions > bench/instructions.json`";

const isIgnored = runtimeUnderTest() !== "node24" || lacksTool("valgrind");
describe("a request", { ignore: isIgnored }, () => {
  it("takes no more instructions of the interpreter than it did", async () => {
    const argv = [executableOf("node24"), ...scriptOptions("node24"), "bench/instructions.ts"];
    const { code, stdout, stderr } = await runProgram(argv, { cwd: projectRoot, timeoutMs: 240_000 });
    assert.equal(code, 0, stderr);
    const { interpreted: now } = JSON.parse(stdout) as { interpreted: number };
    const file = readFileSync(join(projectRoot, "bench", "instructions.json"), "utf8");
    const { interpreted: known } = JSON.parse(file) as { interpreted: number };
    assert.ok(now > known / 2, `${now} instead of ${known}: so much less cannot be`);
    assert.ok(now <= known * GROWTH_MAX, `${now} instructions instead of ${known}; ${REMEDY}`);
  });
});
