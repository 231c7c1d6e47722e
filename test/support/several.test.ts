// What runs many files in one process must not lose one of them.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterAll, describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "./runtime-command.ts";

const runtime = runtimeUnderTest();

describe("several files in one process", { ignore: runtime === "bun" }, () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  const good = (name: string) =>
    scratch.write(`${name}.test.ts`, `import { it } from "node:test";\nit("of ${name} runs", () => {});\n`);

  async function run(files: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
    const several = join(projectRoot, "test", "support", "several.ts");
    const start =
      runtime === "deno" ? ["test", "-A", "--no-check", several, "--"] : [...scriptOptions(runtime), several];
    const { code, stdout, stderr } = await runProgram([executableOf(runtime), ...start, ...files], {
      cwd: projectRoot,
    });
    return { code, output: stdout + stderr };
  }

  it("all run", async () => {
    const { code, output } = await run([good("first"), good("second")]);
    assert.equal(code, 0, output);
    for (const name of ["first", "second"]) assert.ok(output.includes(`of ${name} runs`), output);
  });

  it("one that can't be loaded is a failure, wherever it stands, and takes no other away", async () => {
    const broken = scratch.write("broken.test.ts", 'throw new Error("broken");\n');
    for (const files of [
      [broken, good("first")],
      [good("first"), broken, good("second")],
    ]) {
      const { code, output } = await run(files);
      assert.notEqual(code, 0, output);
      for (const file of files.filter((each) => each !== broken)) {
        const name = file.includes("first") ? "first" : "second";
        assert.ok(output.includes(`of ${name} runs`), output);
      }
    }
  });

  it("one that has no test is told of", { ignore: runtime !== "deno" }, async () => {
    const { code, output } = await run([good("first"), scratch.write("empty.test.ts", "export {};\n")]);
    assert.notEqual(code, 0, output);
    assert.match(output, /empty\.test\.ts has no test/);
  });
});
