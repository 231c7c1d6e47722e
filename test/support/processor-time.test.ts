import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { processorMs } from "./processor-time.ts";

describe("processor time", () => {
  it("passes with work and stands still with waiting", () => {
    const working = processorMs(() => {
      for (const until = performance.now() + 200; performance.now() < until; );
    });
    const waiting = processorMs(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    });
    assert.ok(working > 2 * waiting, `${working} and ${waiting} ms`);
  });
});
