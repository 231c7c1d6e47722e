import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { type Declared, readEntries, renderReference } from "../tools/api-reference.ts";
import { projectRoot, runtimeUnderTest } from "./support/runtime-command.ts";

// What the compiler emits is the same everywhere: one runtime is enough.
describe("docs/api.md", { ignore: runtimeUnderTest() !== "node24" }, () => {
  it("tells what the entries export (npm run docs:api)", () => {
    const page = readFileSync(new URL("../docs/api.md", import.meta.url), "utf8");
    const entries = readEntries(process.env["MILLRACE_BUILT"] === "1" ? join(projectRoot, "dist") : undefined);
    const without = entries.flatMap(({ names }) => names.filter(({ text }) => text === "").map(({ name }) => name));
    assert.deepEqual(without, [], "these have no word at their declaration");
    const notWhole = entries.flatMap(({ names }) => names.filter((one) => !isWholeAlias(one)).map(({ name }) => name));
    assert.deepEqual(notWhole, [], "these end too early or too late");
    assert.ok(page === renderReference(entries), "docs/api.md is old: npm run docs:api");
  });
});

/** With the semicolon behind it, and without what is declared next. */
function isWholeAlias({ signature }: Declared): boolean {
  const [own = ""] = signature.split("\n\n");
  return !own.startsWith("export type ") || (own.endsWith(";") && own.lastIndexOf("\nexport ") < 0);
}
