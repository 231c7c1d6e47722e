import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import { loadVectors, readList } from "./vector.ts";

/** Where tests carry ids of this list in their names. */
const FOLDERS = ["hostile", "scenario", "cli", "e2e", "adapters", "core"];

function idsOfScenarios(groups: ReadonlySet<string>): Set<string> {
  const ids = new Set<string>();
  for (const name of FOLDERS) {
    const folder = new URL(`../${name}/`, import.meta.url);
    for (const file of readdirSync(folder, { recursive: true }) as string[]) {
      if (!file.endsWith(".ts")) continue;
      const source = readFileSync(new URL(file.replaceAll("\\", "/"), folder), "utf8");
      // Availability has ids of its own.
      for (const [, title = ""] of source.matchAll(/\b(?:it|onLinux)\(\s*["'`]([^"'`]*)/g)) {
        for (const [id] of title.matchAll(/\b[A-Z][0-9]{2}\b/g)) if (groups.has(id.charAt(0))) ids.add(id);
      }
    }
  }
  return ids;
}

describe("the list of hostile input", () => {
  const ids = readList("ids.txt").flatMap((line) => line.split(" "));
  const deferred = readList("deferred.txt");
  const groups = new Set(ids.map((id) => id.charAt(0)));
  const tested = new Set([...loadVectors().map(({ id }) => id), ...idsOfScenarios(groups)]);
  const listed = new Set(deferred.map((line) => line.slice(0, 3)));

  it("is complete: 22 + 19 + 23 + 14 + 14 + 17 + 12 + 15 + 12 + 14 + 10 + 14 + 9 rows", () => {
    assert.equal(ids.length, 195);
    assert.equal(new Set(ids).size, 195);
  });

  it("has a test or a deferral for every row", () => {
    assert.deepEqual(
      ids.filter((id) => !tested.has(id) && !listed.has(id)),
      [],
    );
  });

  it("names no row that does not exist", () => {
    assert.deepEqual(
      [...tested, ...listed].filter((id) => !ids.includes(id)),
      [],
    );
  });

  it("says of every deferral what it waits for", () => {
    for (const line of deferred) assert.match(line, /^[A-Z][0-9]{2} .+: waits? for .+|^[A-Z][0-9]{2} .+: wait for .+/);
  });
});
