import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { UNLOAD_MS } from "../../../core/limits.ts";
import { Unloading } from "../../../core/script/unloading.ts";
import { around, breakObserver } from "./stage.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function stage() {
  const surroundings = around();
  const told: string[] = [];
  const unloading = new Unloading(surroundings);
  return { surroundings, told, unloading };
}

describe("code that was replaced", () => {
  it("is told once, when no request is on it any more", () => {
    const { told, unloading } = stage();
    let isInUse = true;
    unloading.replace(
      () => told.push("old"),
      () => isInUse,
    );
    unloading.check();
    assert.deepEqual(told, []);
    isInUse = false;
    unloading.check();
    unloading.check();
    assert.deepEqual(told, ["old"]);
  });

  it("is over when it has failed, also when whoever is told of that throws", async () => {
    const { surroundings, unloading } = stage();
    const defect = breakObserver(surroundings);
    await unloading.end(() => Promise.reject(new Error("unload")));
    assert.deepEqual(surroundings.defects, [defect]);
  });

  it("is told at the end whatever is under way, with the one in use", async () => {
    const { told, unloading } = stage();
    unloading.replace(
      () => told.push("old"),
      () => true,
    );
    await unloading.end(async () => told.push("current"));
    assert.deepEqual(told, ["old", "current"]);
    await unloading.end(null);
    assert.equal(told.length, 2);
  });

  it("is waited for at the end when it was told before", async () => {
    const { told, unloading } = stage();
    let close = () => {};
    unloading.replace(
      () => new Promise<void>((resolve) => (close = resolve)),
      () => false,
    );
    const ending = unloading.end(null).then(() => told.push("ended"));
    await turn();
    assert.deepEqual(told, []);
    close();
    await ending;
  });

  it("is left to those it is in use by when it came back and was refused", () => {
    const { told, unloading } = stage();
    let isInUse = true;
    const code = () => told.push("old");
    unloading.replace(code, () => isInUse);
    unloading.replace(code, () => false);
    assert.deepEqual(told, []);
    isInUse = false;
    unloading.check();
    assert.deepEqual(told, ["old"]);
  });

  it("is reported when it throws or takes too long, and waited for no longer", async () => {
    const { surroundings, unloading } = stage();
    await unloading.end(() => Promise.reject(new Error("no")));
    const ending = unloading.end(() => new Promise(() => {}));
    await turn();
    surroundings.advance(UNLOAD_MS + 200);
    await ending;
    const failures = surroundings.notices.map((notice) => (notice.kind === "hook-failed" ? notice.failure : ""));
    assert.deepEqual(failures, ["threw", "timeout"]);
  });
});
