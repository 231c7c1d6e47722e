import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import { areDescriptorsLeft, isLackOfDescriptors } from "../../cli/spare-descriptors.ts";

// What a process without any makes of it: test/e2e/descriptors.test.ts.
describe("descriptors that are left", () => {
  it("are tried, and given back", { ignore: !existsSync("/proc/self/fd") }, () => {
    const open = () => readdirSync("/proc/self/fd").length;
    assert.ok(areDescriptorsLeft(1));
    const before = open();
    assert.ok(areDescriptorsLeft(20));
    assert.equal(open(), before);
  });

  it("are lacking by two codes only", () => {
    const codes = ["EMFILE", "ENFILE", "ENOENT", "EACCES"];
    const lacking = codes.filter((code) => isLackOfDescriptors(Object.assign(new Error(code), { code })));
    assert.deepEqual(lacking, ["EMFILE", "ENFILE"]);
    assert.ok(!isLackOfDescriptors(new Error("EMFILE")));
    assert.ok(!isLackOfDescriptors("EMFILE"));
  });
});
