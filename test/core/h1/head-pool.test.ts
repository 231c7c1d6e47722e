import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { giveHead, takeHead } from "../../../core/h1/head-pool.ts";
import { requestHead } from "../http/heads.ts";

describe("heads not in use", () => {
  it("are given out again, cleared, one to each", () => {
    const used = requestHead("POST /x?y HTTP/1.0\nHost: a");
    giveHead(used);
    const taken = takeHead();
    assert.equal(taken, used);
    assert.deepEqual([taken.fields.count, taken.minorVersion, taken.queryStart, taken.bodyLength], [0, 1, -1, 0]);
    assert.notEqual(takeHead(), taken);
  });

  it("are kept up to a limit", () => {
    const heads = Array.from({ length: 300 }, () => takeHead());
    for (const head of heads) giveHead(head);
    const again = new Set(Array.from({ length: 300 }, () => takeHead()));
    assert.equal(heads.filter((head) => again.has(head)).length, 256);
  });
});
