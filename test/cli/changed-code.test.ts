import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { changedCode } from "../../cli/changed-code.ts";

const origins = (files: Record<string, string>) => ({
  files: new Map(Object.entries(files)),
  code: new Set(Object.keys(files).filter((file) => !file.endsWith(".yaml"))),
  globs: [],
  isHeavy: true,
});

it("changed code is told of by file, and a text of the configuration is none", () => {
  const before = origins({
    "/a/main.ts": "1",
    "/a/gone.mjs": "1",
    "/a/same.js": "1",
    "/a/data.json": "1",
    "/a/more.yaml": "1",
  });
  const after = origins({
    "/a/main.ts": "2",
    "/a/same.js": "1",
    "/a/data.json": "2",
    "/a/came.cts": "1",
    "/a/more.yaml": "2",
  });
  assert.deepEqual(changedCode(before, after), ["/a/main.ts", "/a/gone.mjs", "/a/data.json", "/a/came.cts"]);
  assert.deepEqual(changedCode(after, after), []);
});
