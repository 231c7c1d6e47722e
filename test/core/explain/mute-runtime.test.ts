import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { MUTE_RUNTIME } from "../../../core/explain/mute-runtime.ts";

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
  });
});
