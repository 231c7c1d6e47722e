import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";

function compiled(trace: unknown) {
  return compileConfig({
    listeners: ["127.0.0.1:1"],
    routes: [{ respond: { status: 204 } }],
    ...(trace !== undefined && { trace }),
  });
}

function rulesOf(trace: unknown) {
  const result = compiled(trace);
  return "snapshot" in result ? result.snapshot.trace : result.problems.map(({ message }) => message);
}

describe("trace:", () => {
  it("keeps a thousand and samples one percent when nothing is said", () => {
    assert.deepEqual(rulesOf(undefined), { sampleShare: 0.01, keep: 1_000 });
    assert.deepEqual(rulesOf({}), { sampleShare: 0.01, keep: 1_000 });
  });

  it("takes a share and a count, none of them included", () => {
    assert.deepEqual(rulesOf({ sample: "0.5%", keep: 5 }), { sampleShare: 0.005, keep: 5 });
    assert.deepEqual(rulesOf({ sample: "0%", keep: 0 }), { sampleShare: 0, keep: 0 });
    assert.deepEqual(rulesOf({ sample: "100%", keep: 100_000 }), { sampleShare: 1, keep: 100_000 });
  });

  it("says what is wrong", () => {
    assert.match(String(rulesOf({ keep: 100_001 })), /100000/);
    assert.match(String(rulesOf({ sample: "101%" })), /write a share from 0% to 100%/);
    assert.match(String(rulesOf({ sampel: "1%" })), /did you mean "sample"/);
  });
});
