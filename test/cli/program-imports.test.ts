import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { addImports } from "../../cli/program-imports.ts";
import { createScratch } from "../e2e/scratch.ts";

describe("what a program imports", () => {
  it("is found in its text, and in theirs, once each", async () => {
    const scratch = createScratch();
    const text = [
      'import { a } from "./a.ts";',
      'export * from "./b.ts";',
      'import "node:fs"; import x from "yaml";',
      'const y = await import("./c.ts");',
    ].join("\n");
    scratch.write("a.ts", 'import { d } from "./d.ts"; import "./a.ts"; import m from "./main.ts"');
    scratch.write("b.ts", 'import { a } from "./a.ts"');
    const files = new Map([[scratch.path("main.ts"), ""]]);
    await addImports(scratch.path("main.ts"), text, files);
    assert.deepEqual([...files.keys()].map((file) => file.slice(scratch.folder.length + 1)).sort(), [
      "a.ts",
      "b.ts",
      "c.ts",
      "d.ts",
      "main.ts",
    ]);
    scratch.remove();
  });
});
