import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createMaglev, MAGLEV_SLOTS } from "../../../core/balance/maglev.ts";
import { checkHashing } from "./hash-cases.ts";
import { choiceOf, servers } from "./servers.ts";

describe("Maglev hashing", () => {
  checkHashing(createMaglev, { unevenness: 0.02, disruption: 2.5 });

  it("fills its table by weight to within one slot", () => {
    // Each slot is asked for by a text that hashes to it; enough texts find nearly all slots.
    const list = servers([1, 2]);
    const table = createMaglev(list);
    const choice = choiceOf(list);
    let heavy = 0;
    for (let i = 0; i < 100_000; i++) if (table.find(choice, String(i))!.name === "b") heavy++;
    assert.ok(Math.abs(heavy / 100_000 - 43_691 / MAGLEV_SLOTS) < 0.006, String(heavy));
  });

  it("has a place for each of thousands", () => {
    const list = servers(new Array(3_000).fill(1));
    const table = createMaglev(list);
    const choice = choiceOf(list);
    const found = new Set<unknown>();
    for (let i = 0; i < 60_000; i++) found.add(table.find(choice, `k${i}`));
    assert.ok(found.size > 2_990, String(found.size));
  });
});
