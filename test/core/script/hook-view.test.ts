import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HOOK_BREAKER_FAILURES_MIN } from "../../../core/limits.ts";
import { viewOf } from "../../../core/script/hook-view.ts";
import { around, hookOf } from "./stage.ts";

describe("a hook as an operator sees it", () => {
  it("tells how it was called and whether it rests", () => {
    const hook = hookOf("onFinish", () => undefined, around());
    for (let i = 0; i <= HOOK_BREAKER_FAILURES_MIN; i++)
      hook.run(
        "id",
        () => {
          throw new Error("no");
        },
        () => true,
        () => {},
      );
    assert.deepEqual(viewOf(hook as never), {
      name: "hooks.onFinish",
      kind: "onFinish",
      source: "file.ts:1",
      calls: HOOK_BREAKER_FAILURES_MIN,
      failures: HOOK_BREAKER_FAILURES_MIN,
      skipped: 1,
      pending: 0,
      hung: 0,
      isResting: true,
    });
  });
});
