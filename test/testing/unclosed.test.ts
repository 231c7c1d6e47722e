import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { describe, it } from "@std/testing/bdd";
import { callerOf, expectClose, noteClose, unclosedText } from "../../testing/unclosed.ts";
import { projectRoot } from "../support/runtime-command.ts";

describe("proxies nobody closes", () => {
  for (const closes of [true, false]) {
    it(`${closes ? "are none when all are closed" : "make the process fail, and are named"}`, () => {
      const { status, stderr } = runScript(closes ? "await proxy.close();" : "");
      assert.equal(status, closes ? 0 : 1, stderr);
      assert.equal(
        /1 of the proxies made by testProxy were never closed[\s\S]*forgetful\.mjs/.test(stderr),
        !closes,
        stderr,
      );
    });
  }

  it("can't be very many", () => {
    const proxies = [{}, {}];
    for (const proxy of proxies) expectClose(proxy, "here", 3);
    try {
      assert.throws(() => expectClose({}, "there", 2), /2 test proxies are open: write "await using".*here/);
    } finally {
      for (const proxy of proxies) noteClose(proxy);
    }
  });

  it("are named by the place in the test", () => {
    const stack = "Error\n    at testProxy (/p/testing/test-proxy.ts:3:4)\n    at /p/my.test.ts:5:6";
    assert.equal(callerOf(stack), "at /p/my.test.ts:5:6");
    // As it is installed, where all of it is one file.
    assert.equal(callerOf(stack.replace("test-proxy.ts", "mod.js")), "at /p/my.test.ts:5:6");
    assert.equal(unclosedText(["at a", "at a"]).split("\n").length, 2);
  });
});

function runScript(end: string): { status: number | null; stderr: string } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-unclosed-"));
  try {
    const script = join(folder, "forgetful.mjs");
    const entry = pathToFileURL(join(projectRoot, "testing", "mod.ts")).href;
    writeFileSync(
      script,
      `import { testProxy } from ${JSON.stringify(entry)};
const proxy = await testProxy({ listeners: [":80"], routes: [{ respond: { status: 200 } }] });
${end}`,
    );
    const options =
      "Deno" in globalThis ? ["run", "-A", "--config", "deno.json"] : "Bun" in globalThis ? [] : ["--import", "tsx"];
    const { status, stderr } = spawnSync(process.execPath, [...options, script], {
      cwd: projectRoot,
      encoding: "utf8",
    });
    return { status, stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
