import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import { loadVectors, readList } from "./vector.ts";

/** Ids that stand at the head of a test's name in this folder. */
function idsOfScenarios(): Set<string> {
  const folder = new URL("./", import.meta.url);
  const ids = new Set<string>();
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".test.ts"))) {
    const source = readFileSync(new URL(name, folder), "utf8");
    for (const [, id] of source.matchAll(/\bit\(\s*["'`]([A-Z][0-9]{2}) /g)) ids.add(id as string);
  }
  return ids;
}

describe("the list of hostile input", () => {
  const ids = readList("ids.txt").flatMap((line) => line.split(" "));
  const deferred = readList("deferred.txt");
  const tested = new Set([...loadVectors().map(({ id }) => id), ...idsOfScenarios()]);
  const listed = new Set(deferred.map((line) => line.slice(0, 3)));

  it("is complete: 22 + 19 + 23 + 14 + 14 + 17 + 12 + 15 + 12 + 14 + 9 rows", () => {
    assert.equal(ids.length, 171);
    assert.equal(new Set(ids).size, 171);
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
