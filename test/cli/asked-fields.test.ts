import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { clientProblem, parseField } from "../../cli/asked-fields.ts";

describe("what a request to explain says beside its line", () => {
  it("is a header of a name and a value", () => {
    assert.deepEqual(parseField("A:  b: c "), ["A", "b: c"]);
    assert.deepEqual([parseField("A"), parseField(": b")], [null, null]);
  });

  it("is an address", () => {
    for (const right of ["192.0.2.1", "2001:db8::1", "unix"]) assert.equal(clientProblem(right), null);
    for (const wrong of ["", "a.example", "192.0.2.0/24", "192.0.2.1:80"])
      assert.match(clientProblem(wrong) ?? "", /is no IP address; write one such as/);
  });
});
