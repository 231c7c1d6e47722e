import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  HOOK_BREAKER_FAILURES_MIN,
  HOOK_BREAKER_WINDOW_MS,
  HOOK_REST_MS_MAX,
  HOOK_REST_MS_MIN,
} from "../../../core/limits.ts";
import { HookBreaker, ORDINARY } from "../../../core/script/hook-breaker.ts";

const admits = (breaker: HookBreaker, nowMs: number): boolean => breaker.admit(nowMs) !== -1;

function opened(): HookBreaker {
  const breaker = new HookBreaker();
  for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN; i++) {
    assert.ok(admits(breaker, 1));
    breaker.fail(1);
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
    assert.ok(!admits(breaker, 1 + HOOK_REST_MS_MIN - 1));
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
    const trial = breaker.admit(overMs);
    assert.ok(!admits(breaker, overMs), "one at a time");
    breaker.succeed(overMs, trial);
    assert.ok(!breaker.isOpen);
    assert.ok(admits(breaker, overMs));
  });

  it("rests twice as long after each trial that fails, up to a bound", () => {
    const breaker = opened();
    let nowMs = 1;
    for (let restMs = HOOK_REST_MS_MIN; restMs < 4 * HOOK_REST_MS_MAX; restMs *= 2) {
      const expectedMs = Math.min(restMs, HOOK_REST_MS_MAX);
      assert.ok(!admits(breaker, nowMs + expectedMs - 1));
      nowMs += expectedMs;
      breaker.fail(nowMs, breaker.admit(nowMs));
    }
  });

  it("lets another one try when nobody waited for the first", () => {
    const breaker = opened();
    const overMs = 1 + HOOK_REST_MS_MIN;
    breaker.forget(breaker.admit(overMs));
    assert.ok(admits(breaker, overMs));
  });

  it("does not rest longer for calls that began before it opened", () => {
    const breaker = opened();
    breaker.fail(2);
    breaker.fail(3);
    assert.ok(admits(breaker, 1 + HOOK_REST_MS_MIN));
  });

  it("judges by the call that tries, not by older ones that end meanwhile", () => {
    const overMs = 1 + HOOK_REST_MS_MIN;
    for (const end of ["succeed", "fail"] as const) {
      const breaker = opened();
      const trial = breaker.admit(overMs);
      breaker[end](overMs);
      breaker.forget(ORDINARY);
      assert.ok(breaker.isOpen);
      assert.ok(!admits(breaker, overMs), "still one at a time");
      breaker.succeed(overMs, trial);
      assert.ok(!breaker.isOpen);
    }
  });

  it("judges by a trial that was given up no more", () => {
    const breaker = opened();
    const overMs = 1 + HOOK_REST_MS_MIN;
    const first = breaker.admit(overMs);
    breaker.forget(first);
    const second = breaker.admit(overMs);
    breaker.fail(overMs, first);
    breaker.succeed(overMs, first);
    assert.ok(breaker.isOpen);
    assert.ok(!admits(breaker, overMs + HOOK_REST_MS_MAX));
    breaker.succeed(overMs, second);
    assert.ok(!breaker.isOpen);
  });
});
