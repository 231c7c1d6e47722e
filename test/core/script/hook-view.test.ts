import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HOOK_BREAKER_FAILURES_MIN, HOOK_REST_MS_MIN, TRACE_TEXT_MAX } from "../../../core/limits.ts";
import { viewOf } from "../../../core/script/hook-view.ts";
import { around, hookOf } from "./stage.ts";

describe("a hook as an operator sees it", () => {
  it("tells how it was called and whether it rests", () => {
    const surroundings = around();
    const hook = hookOf("onFinish", () => undefined, surroundings);
    for (let i = 0; i <= HOOK_BREAKER_FAILURES_MIN; i++)
      hook.run(
        { requestId: "id" },
        () => {
          throw new Error("x".repeat(TRACE_TEXT_MAX + 1));
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
      failuresByKind: { threw: HOOK_BREAKER_FAILURES_MIN, timeout: 0, nonsense: 0, blocked: 0 },
      lastError: "x".repeat(TRACE_TEXT_MAX),
      skipped: 1,
      pending: 0,
      hung: 0,
      isResting: true,
      restsForMs: HOOK_REST_MS_MIN,
    });
    surroundings.advance(400);
    assert.equal(viewOf(hook as never).restsForMs, HOOK_REST_MS_MIN - 400);
    surroundings.advance(1_000);
    const { restsForMs, isResting } = viewOf(hook as never);
    assert.deepEqual([restsForMs, isResting], [0, true], "it waits for a call that tries");
  });
});
