import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { afterAll, describe, it } from "@std/testing/bdd";
import { loadRuntime } from "../../adapters/mod.ts";
import { commitOfCheckout, versionLine } from "../../cli/version.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { executableOf, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

describe("the version", { ignore: lacksTool("git") }, () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());
  const git = (...args: string[]) => execFileSync("git", ["-C", scratch.folder, ...args], { encoding: "utf8" }).trim();
  const folder = () => pathToFileURL(`${scratch.folder}/`);

  it("has the commit of a checkout, asked of git", () => {
    git("init", "--quiet");
    assert.equal(commitOfCheckout(folder()), null, "there is no commit yet");
    const as = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    git(...as, "commit", "--quiet", "--allow-empty", "--message", "First");
    assert.equal(commitOfCheckout(folder()), git("rev-parse", "--short", "HEAD"));
    git("worktree", "add", "--quiet", "other");
    assert.equal(commitOfCheckout(new URL("other/", folder())), git("rev-parse", "--short", "HEAD"), "a worktree's");
  });

  it("takes no repository around it for its own", () => {
    assert.equal(commitOfCheckout(new URL("below/", folder())), null);
  });

  it("asks no git in an executable", async () => {
    // In a process of its own, which goes on being one file.
    const [versions, oneFile] = ["version", "one-file"].map((name) => new URL(`../../cli/${name}.ts`, import.meta.url));
    const program = scratch.write(
      "executable.ts",
      `import { commitOfCheckout } from "${versions}";
import { beOneFile } from "${oneFile}";
const folder = new URL("${folder()}");
const before = commitOfCheckout(folder);
beOneFile({} as never);
console.log(before !== null, commitOfCheckout(folder));
`,
    );
    const runtime = runtimeUnderTest();
    const { stdout, stderr } = await runProgram([executableOf(runtime), ...scriptOptions(runtime), program]);
    assert.equal(stdout, "true null\n", stderr);
  });

  it("is told with the commit where it is known, and says nothing where it is not", async () => {
    const commit = commitOfCheckout();
    const line = versionLine(await loadRuntime());
    assert.ok(line.endsWith(commit === null ? ")" : `, commit ${commit})`), line);
    assert.equal(/unknown|null|undefined/.test(line), false, line);
  });
});
