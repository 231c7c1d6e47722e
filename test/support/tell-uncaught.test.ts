import assert from "node:assert/strict";
import { join } from "node:path";
import { afterAll, describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { executableOf, projectRoot, runtimeUnderTest } from "./runtime-command.ts";
import { UNCAUGHT } from "./tell-uncaught.ts";

const WAITING = 'it("waits", () => new Promise((resolve) => setTimeout(resolve, 20)));';
const LOST = {
  "in a timer": "setTimeout(() => { throw new Error(); }, 1);",
  "in a promise": "void Promise.reject(new Error());",
};

describe("what Deno does not tell of", { ignore: runtimeUnderTest() !== "deno" }, () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  async function isTold(what: string): Promise<boolean> {
    const text = `import { it } from "node:test";\nit("throws", () => { ${what} });\n${WAITING}\n`;
    const file = scratch.write("some.test.ts", text);
    const preload = `--preload=${join(projectRoot, "test", "support", "tell-uncaught.ts")}`;
    const command = [executableOf("deno"), "test", "-A", "--no-check", preload, file];
    const { stdout, stderr } = await runProgram(command, { cwd: projectRoot });
    assert.match(stdout + stderr, /2 passed/);
    return (stdout + stderr).includes(UNCAUGHT);
  }

  it("is told, and nothing else", async () => {
    for (const [where, what] of Object.entries(LOST)) assert.ok(await isTold(what), where);
    assert.ok(!(await isTold("")));
  });
});
