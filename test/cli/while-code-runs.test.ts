import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "@std/testing/bdd";
import { Sources } from "../../cli/sources.ts";
import { CodeTrouble, whileCodeRuns } from "../../cli/while-code-runs.ts";
import { cliCommand } from "../support/runtime-command.ts";

describe("code of a configuration that does not just run", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "millrace-test-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  const check = (name: string, text: string): Promise<{ code: unknown; said: string }> => {
    writeFileSync(join(directory, name), text);
    const [program, ...args] = cliCommand();
    return new Promise((resolve) => {
      execFile(program!, [...args, "check", name], { cwd: directory, encoding: "utf8" }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, said: stdout + stderr }),
      );
    });
  };
  const RIGHT = 'export default { listeners: ["127.0.0.1:0"], routes: [{ respond: { status: 200, body: "" } }] };\n';

  it("is refused when it ends the process, whatever code it says", async () => {
    const { code, said } = await check("exit.ts", `import process from "node:process";\nprocess.exit(0);\n${RIGHT}`);
    assert.deepEqual(
      [code, said],
      [1, "exit.ts: could not be run: it ended the process; a configuration must not do that\n"],
    );
  });

  it("is refused for an error nobody waits for, with its line", async () => {
    const text =
      'setTimeout(() => {\n  throw new Error("later");\n}, 1);\nawait new Promise((done) => setTimeout(done, 5000));\n';
    const { code, said } = await check("later.ts", text + RIGHT);
    assert.equal(code, 1);
    assert.match(said, /^later\.ts: could not be run: an error nobody waits for: later; at later\.ts:2:\d+\n/);
  });

  it("is refused for one that comes as its last line ends", async () => {
    const { code, said } = await check("last.ts", `${RIGHT}void Promise.reject(new Error("last"));\n`);
    assert.equal(code, 1);
    assert.match(said, /^last\.ts: could not be run: an error nobody waits for: last; at last\.ts:2:\d+\n/);
  });

  it("is refused when it waits for what does not come", async () => {
    const run = { file: join(directory, "a.ts"), sources: new Sources(), timeoutMs: 20 };
    await assert.rejects(
      whileCodeRuns(run, () => new Promise(() => {})),
      (error) => {
        assert.ok(error instanceof CodeTrouble);
        return /^it has not ended after 0\.02s/.test(error.message);
      },
    );
    assert.equal(await whileCodeRuns(run, () => 5), 5);
  });
});
