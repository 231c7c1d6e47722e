import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createMuteRuntime } from "../../../core/explain/mute-runtime.ts";

const MUTE_RUNTIME = createMuteRuntime();

describe("the runtime on which nothing happens", () => {
  it("neither listens nor calls back", async () => {
    await assert.rejects(
      async () =>
        MUTE_RUNTIME.listen({} as never, {} as never).catch((error) => Promise.reject(new Error(error.message))),
      /nothing is sent/,
    );
    let calls = 0;
    MUTE_RUNTIME.connect({} as never, () => calls++).cancel();
    MUTE_RUNTIME.resolve({} as never, () => calls++).cancel();
    MUTE_RUNTIME.every(1, () => calls++).stop();
    assert.equal(calls, 0);
    assert.equal(MUTE_RUNTIME.randomBytes(3).length, 3);
    MUTE_RUNTIME.nextDraw = 0.5;
    assert.deepEqual([MUTE_RUNTIME.random(), MUTE_RUNTIME.random(), MUTE_RUNTIME.draws], [0.5, 0, 2]);
  });
});
