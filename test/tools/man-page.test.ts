import assert from "node:assert/strict";
import { afterAll, describe, it } from "@std/testing/bdd";
import { commandTable } from "../../cli/args.ts";
import { manPage } from "../../tools/man-page.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { lacksTool } from "../support/tool.ts";

describe("the manual page", () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  it("has its sections in the usual order", () => {
    const sections = [...manPage().matchAll(/^\.SH "?([A-Z ]+)/gm)].map(([, title]) => title);
    assert.deepEqual(sections, [
      "NAME",
      "SYNOPSIS",
      "DESCRIPTION",
      "COMMANDS",
      "OPTIONS OF EVERY COMMAND",
      "SIGNALS",
      "EXIT STATUS",
      "EXAMPLES",
    ]);
  });

  it("has no line that is taken for an unknown request", () => {
    const requests = [...manPage().matchAll(/^[.'](\w*)/gm)].map(([, request]) => request);
    assert.deepEqual([...new Set(requests)].sort(), ["B", "I", "SH", "SS", "TH", "TP", "br"]);
  });

  it("has words in every paragraph", () => {
    assert.doesNotMatch(manPage(), /^(\\&)?\.$/m);
  });

  it("is rendered without a complaint, with every command and option", { ignore: lacksTool("groff") }, async () => {
    const page = scratch.write("millrace.1", manPage());
    const { code, stdout, stderr } = await runProgram(["groff", "-man", "-ww", "-Tascii", "-P-cbou", page]);
    assert.deepEqual([code, stderr], [0, ""]);
    const { commands, options } = commandTable();
    for (const { flags } of [...options, ...commands.flatMap((command) => command.options)])
      for (const flag of flags) assert.ok(stdout.includes(flag), flag);
    for (const { name, description } of commands) {
      assert.match(stdout, new RegExp(`^ +millrace ${name}\\b`, "m"));
      const [start = ""] = description.split(" ");
      assert.match(stdout, new RegExp(start, "i"));
    }
    assert.match(stdout, /^NAME\n +millrace - reverse proxy and load balancer$/m);
  });
});
