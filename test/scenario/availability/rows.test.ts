import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { projectRoot } from "../../support/runtime-command.ts";

/** The list of availability cases is complete: a test here, or the reason why not. */

const folder = new URL(".", import.meta.url);

interface Row {
  readonly id: string;
  /** `""` where a test of this folder shows it. */
  readonly instead: string;
}

const rows: Row[] = readFileSync(new URL("rows.txt", folder), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => ({ id: line.slice(0, 3), instead: line.slice(4) }));

/** Ids at the head of a test's name. */
const tested = new Set(
  readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [...readFileSync(new URL(name, folder), "utf8").matchAll(/["'`](A[0-9]{2})[ "'`]/g)])
    .map(([, id]) => id ?? ""),
);

describe("the list of availability cases", () => {
  it("is complete: A01 to A40", () => {
    const all = Array.from({ length: 40 }, (_, i) => `A${String(i + 1).padStart(2, "0")}`);
    assert.deepEqual(
      rows.map(({ id }) => id),
      all,
    );
  });

  it("has a test, or a reason, for every row", () => {
    const missing = rows.filter(({ id, instead }) => instead === "" && !tested.has(id));
    assert.deepEqual(missing, []);
  });

  it("gives no reason for a row that has a test", () => {
    assert.deepEqual(
      rows.filter(({ id, instead }) => instead !== "" && tested.has(id)),
      [],
    );
  });

  it("names files that exist, and says what a deferred row waits for", () => {
    for (const { id, instead } of rows.filter((row) => row.instead !== "")) {
      assert.match(instead, /^(deferred: waits for .+|elsewhere: .+)/, id);
      for (const [path] of instead.matchAll(/\b(?:test|bench)\/[\w/.-]+\.ts/g)) {
        assert.ok(existsSync(join(projectRoot, path)), `${id} names ${path}`);
      }
    }
  });
});
