// What the shells themselves make of the scripts, where they are installed.

import assert from "node:assert/strict";
import { afterAll, describe, it } from "@std/testing/bdd";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { lacksTool } from "../support/tool.ts";
import { millraceHere } from "./in-process.ts";

const COMMANDS = ["run", "check", "explain", "proxy", "demo", "completion", "help"];

describe("completions", () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  async function scriptFor(shell: string): Promise<string> {
    const { code, stdout, stderr } = await millraceHere(["completion", shell]);
    assert.deepEqual([code, stderr], [0, ""]);
    return scratch.write(`completion.${shell}`, stdout);
  }

  async function said(...argv: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await runProgram(argv, { cwd: scratch.folder });
    assert.deepEqual([code, stderr], [0, ""], argv.join(" "));
    return stdout.split("\n").filter((line) => line !== "");
  }

  it("are for three shells", async () => {
    const { code, stderr } = await millraceHere(["completion", "csh"]);
    assert.equal(code, 2);
    assert.match(stderr, /'csh' is invalid.*Allowed choices are bash, zsh, fish/);
  });

  it("complete in bash", async () => {
    const script = await scriptFor("bash");
    scratch.write("a b*.yaml", "");
    scratch.write("another.yaml", "");
    scratch.write("-dash.yaml", "");
    // All cases in one shell; the words of each are split at blanks, as readline would, and the last is being written.
    const cases: readonly (readonly [line: string, expected: readonly string[]])[] = [
      ["millrace ", COMMANDS],
      ["millrace ex", ["explain"]],
      ["millrace --v", ["--version"]],
      ["millrace run --", ["--watch", "--version", "--help"]],
      ["millrace run a", ["a b*.yaml", "another.yaml"]],
      ["millrace explain an", ["another.yaml"]],
      ["millrace explain --against an", ["another.yaml"]],
      ["millrace explain --against = an", ["another.yaml"]],
      ["millrace explain --client an", []],
      ["millrace proxy --balance le", ["least-busy", "least-time"]],
      ["millrace proxy --access-log ", ["json", "text"]],
      ["millrace proxy --access-log =", ["json", "text"]],
      ["millrace proxy --access-log = j", ["json"]],
      ["millrace proxy --to a:1 --li", ["--listen"]],
      ["millrace completion f", ["fish"]],
      ["millrace help de", ["demo"]],
      ["millrace run -- -", ["-dash.yaml"]],
      ["millrace run -- --w", []],
      ["millrace explain --client -- an", ["another.yaml"]],
      ["millrace proxy -- ", []],
    ];
    const asked = cases.map(([line]) => {
      const words = line.split(" ").map((word) => `'${word}'`);
      return `COMP_WORDS=(${words.join(" ")}) COMP_CWORD=${words.length - 1}; _millrace; printf '%s\\n' '>' "\${COMPREPLY[@]}"`;
    });
    const lines = await said("bash", "--norc", "-u", "-c", `source '${script}'\n${asked.join("\n")}`);
    const answers = lines.join("\n").split(/^>\n?/m).slice(1);
    for (const [at, [line, expected]] of cases.entries()) {
      const answer = (answers[at] ?? "").split("\n").filter((word) => word !== "");
      assert.deepEqual(answer.sort(), [...expected].sort(), line);
    }
    assert.match((await said("bash", "--norc", "-c", `source '${script}'; complete -p millrace`)).join(), /_millrace/);
  });

  it("complete in fish", { ignore: lacksTool("fish") }, async () => {
    const script = await scriptFor("fish");
    const complete = async (line: string) =>
      (await said("fish", "--no-config", "-c", `source '${script}'; complete -C '${line}'`)).map((answer) =>
        answer.replace(/\t.*/, ""),
      );
    assert.deepEqual((await complete("millrace ")).sort(), [...COMMANDS].sort());
    assert.deepEqual(await complete("millrace proxy --access-log=j"), ["--access-log=json"]);
    assert.ok((await complete("millrace explain --ag")).includes("--against"));
  });

  it("are accepted by zsh", { ignore: lacksTool("zsh") }, async () => {
    const script = await scriptFor("zsh");
    const prepared = `autoload -Uz compinit; compinit -D -u; source '${script}'`;
    assert.deepEqual(await said("zsh", "-f", "-c", `${prepared}; print $_comps[millrace]`), ["_millrace"]);
    // Without it there are only options behind "--", and no file.
    const { stdout } = await millraceHere(["completion", "zsh"]);
    assert.match(stdout, /^ +run\) _arguments -S '/m);
  });
});
