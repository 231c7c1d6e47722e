import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { parseField } from "../../cli/asked-fields.ts";

describe("what a request to explain says beside its line", () => {
  it("is a header of a name and a value", () => {
    assert.deepEqual(parseField("A:  b: c "), ["A", "b: c"]);
    assert.deepEqual([parseField("A"), parseField(": b")], [null, null]);
  });
});
