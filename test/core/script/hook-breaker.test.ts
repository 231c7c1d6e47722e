import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  HOOK_BREAKER_FAILURES_MIN,
  HOOK_BREAKER_WINDOW_MS,
  HOOK_REST_MS_MAX,
  HOOK_REST_MS_MIN,
} from "../../../core/limits.ts";
import { HookBreaker } from "../../../core/script/hook-breaker.ts";

function opened(nowMs = 1): HookBreaker {
  const breaker = new HookBreaker();
  for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN; i++) {
    assert.ok(breaker.admits(nowMs));
    breaker.fail(nowMs);
  }
  return breaker;
}

describe("a hook's breaker", () => {
  it("opens when enough calls failed, not before", () => {
    const breaker = new HookBreaker();
    for (let i = 1; i < HOOK_BREAKER_FAILURES_MIN; i++) breaker.fail(1);
    assert.ok(!breaker.isOpen);
    breaker.fail(1);
    assert.ok(breaker.isOpen);
    assert.ok(!breaker.admits(1 + HOOK_REST_MS_MIN - 1));
  });

  it("stays closed while less than half fail", () => {
    const breaker = new HookBreaker();
    for (let i = 0; i < 20; i++) {
      breaker.succeed(1);
      breaker.succeed(1);
      breaker.fail(1);
    }
    assert.ok(!breaker.isOpen);
  });

  it("forgets what failed before the window", () => {
    const breaker = new HookBreaker();
    for (let i = 1; i < HOOK_BREAKER_FAILURES_MIN; i++) breaker.fail(1);
    breaker.fail(1 + HOOK_BREAKER_WINDOW_MS);
    assert.ok(!breaker.isOpen);
  });

  it("lets one call try after the rest, and closes when that goes well", () => {
    const breaker = opened();
    const overMs = 1 + HOOK_REST_MS_MIN;
    assert.ok(breaker.admits(overMs));
    assert.ok(!breaker.admits(overMs), "one at a time");
    breaker.succeed(overMs);
    assert.ok(!breaker.isOpen);
    assert.ok(breaker.admits(overMs));
  });

  it("rests twice as long after each trial that fails, up to a bound", () => {
    const breaker = opened();
    let nowMs = 1;
    for (let restMs = HOOK_REST_MS_MIN; restMs < 4 * HOOK_REST_MS_MAX; restMs *= 2) {
      const expectedMs = Math.min(restMs, HOOK_REST_MS_MAX);
      assert.ok(!breaker.admits(nowMs + expectedMs - 1));
      nowMs += expectedMs;
      assert.ok(breaker.admits(nowMs));
      breaker.fail(nowMs);
    }
  });

  it("lets another one try when nobody waited for the first", () => {
    const breaker = opened();
    const overMs = 1 + HOOK_REST_MS_MIN;
    assert.ok(breaker.admits(overMs));
    breaker.forget();
    assert.ok(breaker.admits(overMs));
  });

  it("does not rest longer for calls that began before it opened", () => {
    const breaker = opened();
    breaker.fail(2);
    breaker.fail(3);
    assert.ok(breaker.admits(1 + HOOK_REST_MS_MIN));
  });
});
