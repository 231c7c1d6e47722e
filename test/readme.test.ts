// The README's configurations are right and mean the same; its scripts are those there are.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { describeConfig } from "../cli/check.ts";
import { loadConfig } from "../cli/load-config.ts";
import { printProblem } from "../cli/print.ts";
import type { CompiledConfig } from "../core/config/compile.ts";
import { projectRoot } from "./support/runtime-command.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");

describe("README", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-readme-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function load(name: string, text: string): Promise<CompiledConfig> {
    const file = join(folder, name);
    writeFileSync(file, text);
    const loaded = await loadConfig(file, () => undefined);
    if ("problems" in loaded) assert.fail(loaded.problems.map(printProblem).join("\n"));
    assert.deepEqual(loaded.warnings, []);
    return loaded.config;
  }

  it("shows a configuration in YAML and the same in TypeScript", async () => {
    const inYaml = await load("millrace.yaml", onlyBlock("yaml"));
    const source = onlyBlock("ts");
    assert.ok(source.includes('"millrace"'), "the TypeScript block imports from millrace");
    const inTypeScript = await load("millrace.ts", source);
    assert.deepEqual(describeConfig(inTypeScript), describeConfig(inYaml));
    assert.deepEqual(inTypeScript.snapshot.upstreams, inYaml.snapshot.upstreams);
    assert.equal(inYaml.snapshot.table.routes.length, 3);
  });

  it("lists every npm script, with bench/README.md, and no other", () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { scripts: object };
    const table = readme.slice(readme.indexOf("## Scripts"), readme.indexOf("## Read on"));
    const listed = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) =>
      (cell ?? "").split(",").map((name) => name.trim().replaceAll("`", "")),
    );
    const benches = readFileSync(join(projectRoot, "bench", "README.md"), "utf8");
    const measuring = [...benches.matchAll(/^\| .*? \|/gm)].flatMap(([cell]) => cell.match(/bench:[\w-]+/g) ?? []);
    const names = new Set([...listed.slice(1), ...measuring].filter((name) => name !== "bench:…"));
    assert.deepEqual([...names].sort(), Object.keys(manifest.scripts).sort());
  });
});

function onlyBlock(language: string): string {
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))];
  assert.equal(blocks.length, 1, `README.md has ${blocks.length} blocks of ${language}, not one`);
  return blocks[0]?.[1] ?? "";
}
