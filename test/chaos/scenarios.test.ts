import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { projectRoot } from "../support/runtime-command.ts";
import { SCENARIOS } from "./scenarios/registry.ts";

/** The table of docs/availability.md: rows of the list of cases, and the scenarios that show them. */
const table = new Map<string, string>();
for (const [, rows = "", cells = ""] of readFileSync(join(projectRoot, "docs", "availability.md"), "utf8").matchAll(
  /^\| (A\d\d(?:, A\d\d)*) \|[^|]*\|[^|]*\|([^|]*)\|/gm,
)) {
  for (const row of rows.split(", ")) table.set(row, cells);
}

describe("the scenarios of chaos", () => {
  it("have names of their own", () => {
    assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
  });

  it("stand in docs/availability.md at the rows they show, and nowhere else", () => {
    assert.equal(table.size, 40);
    for (const [row, cells] of table) {
      const told = [...cells.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name).sort();
      const shown = SCENARIOS.filter(({ rows }) => rows.includes(row)).map(({ name }) => name);
      assert.deepEqual(told, shown.sort(), row);
    }
  });

  it("are told apart by their addresses", () => {
    // One byte of 127.1.x.y for scenario and runtime.
    assert.ok(SCENARIOS.length <= 32);
  });
});
