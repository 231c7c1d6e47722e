import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { expandGlob, isGlob } from "../../cli/glob.ts";
import { createScratch } from "../e2e/scratch.ts";

describe("globs", () => {
  const { folder } = createScratch();
  for (const directory of ["sites/deep/er", "other"]) mkdirSync(`${folder}/${directory}`, { recursive: true });
  for (const file of [
    "b.yaml",
    "a.yaml",
    "a.json",
    ".hidden.yaml",
    "sites/x.yaml",
    "sites/deep/y.yaml",
    "sites/deep/er/z.yaml",
    "a+b.yaml",
  ]) {
    writeFileSync(`${folder}/${file}`, "");
  }
  const found = async (pattern: string, directoriesMax?: number) => {
    const { files, problem } = await expandGlob(pattern, folder, directoriesMax);
    return problem ?? files.map((file) => relative(folder, file));
  };

  for (const [pattern, files] of [
    ["*.yaml", ["a+b.yaml", "a.yaml", "b.yaml"]],
    ["?.yaml", ["a.yaml", "b.yaml"]],
    ["a+?.yaml", ["a+b.yaml"]],
    ["sites/*", ["sites/x.yaml"]],
    ["sites/**/*.yaml", ["sites/deep/er/z.yaml", "sites/deep/y.yaml", "sites/x.yaml"]],
    ["*/x.yaml", ["sites/x.yaml"]],
    [".*.yaml", [".hidden.yaml"]],
    ["none/*.yaml", []],
    ["./sites/../*.json", ["a.json"]],
  ] as const) {
    it(`${pattern} finds ${files.join(" ") || "nothing"}`, async () => assert.deepEqual(await found(pattern), files));
  }

  it("follow links to files and directories, not to devices, and with ** not in circles", async () => {
    const links = { "linked.txt": "a.json", "null.txt": "/dev/null", "lost.txt": "nowhere", customer: "sites/deep" };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, `${folder}/${name}`);
    symlinkSync("../..", `${folder}/sites/deep/circle`);
    assert.deepEqual(await found("*.txt"), ["linked.txt", "lost.txt"]);
    assert.deepEqual(await found("*/y.yaml"), ["customer/y.yaml"]);
    assert.deepEqual(await found("cust*"), []);
    assert.deepEqual(await found("**/y.yaml"), ["sites/deep/y.yaml"]);
    for (const name of [...Object.keys(links), "sites/deep/circle"]) rmSync(`${folder}/${name}`);
  });

  it("refuse a directory that cannot be looked into, for it would seem to be empty, by links too", async () => {
    // A link to itself, for permissions do not hold back root.
    symlinkSync("itself", `${folder}/itself`);
    assert.match(String(await found("itself/*.yaml")), /itself is a symbolic link that leads in a circle$/);
    assert.match(String(await found("*/x.yaml")), /itself is a symbolic link that leads in a circle$/);
    for (const pattern of ["s*/x.yaml", "**/x.yaml"]) assert.deepEqual(await found(pattern), ["sites/x.yaml"]);
    rmSync(`${folder}/itself`);
  });

  it("give up beyond so many directories", async () => {
    for (const name of ["1", "2"]) mkdirSync(`${folder}/other/${name}`);
    assert.equal(await found("other/*/*.yaml", 2), "would search too many directories; narrow the pattern");
    assert.deepEqual(await found("other/*/*.yaml", 3), []);
    rmSync(`${folder}/other`, { recursive: true });
  });

  it("find files in a directory for each of many customers", async () => {
    for (let i = 0; i < 1_200; i++) mkdirSync(`${folder}/many/${i}`, { recursive: true });
    writeFileSync(`${folder}/many/1199/a.yaml`, "");
    assert.deepEqual(await found("many/*/*.yaml"), ["many/1199/a.yaml"]);
    rmSync(`${folder}/many`, { recursive: true });
  });

  it("tell in which directories it is decided what they find", async () => {
    const looked = async (pattern: string) =>
      (await expandGlob(pattern, folder)).directories.map((one) => relative(folder, one)).sort();
    assert.deepEqual(await looked("sites/*.yaml"), ["sites"]);
    assert.deepEqual(await looked("sites/*/*.yaml"), ["sites", "sites/deep"]);
    assert.deepEqual(await looked("none/*.yaml"), ["none"]);
    assert.deepEqual(await looked("sites/*/new/y.yaml"), ["sites", "sites/deep", "sites/deep/new"]);
    assert.deepEqual(await looked("sites/**"), ["sites", "sites/deep", "sites/deep/er"]);
  });

  it("are told from names", () => {
    assert.deepEqual(["a.yaml", "a*.yaml", "a?.yaml"].map(isGlob), [false, true, true]);
  });
});
