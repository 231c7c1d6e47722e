import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { cacheTimes } from "../../../core/script/cache-times.ts";

describe("options of the cache", () => {
  it("have defaults that follow each other", () => {
    const defaults = {
      ttlMs: 1_000,
      negativeTtlMs: 1_000,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      timeoutMs: 1_000,
    };
    assert.deepEqual(cacheTimes(undefined), defaults);
    assert.deepEqual(cacheTimes({}), defaults);
    assert.deepEqual(cacheTimes({ ttl: "5s", staleWhileRevalidate: "1m" }), {
      ...defaults,
      ttlMs: 5_000,
      negativeTtlMs: 5_000,
      staleWhileRevalidateMs: 60_000,
      staleIfErrorMs: 60_000,
    });
  });

  it("are milliseconds or text with a unit, and may be nothing", () => {
    const { ttlMs, negativeTtlMs, staleIfErrorMs, timeoutMs } = cacheTimes({
      ttl: 0,
      negativeTtl: "0s",
      staleIfError: "1.5s",
      timeout: 250,
    });
    assert.deepEqual([ttlMs, negativeTtlMs, staleIfErrorMs, timeoutMs], [0, 0, 1_500, 250]);
  });

  it("that are nonsense are refused with the right form", () => {
    for (const [options, expected] of [
      [{ ttl: "5" }, /ttl "5": has no unit; write a number and a unit/],
      [{ ttl: -1 }, /ttl is -1; give 0 to 24d/],
      [{ ttl: Number.NaN }, /ttl is NaN; give/],
      [{ ttl: 2 ** 31 }, /ttl is 2147483648; give/],
      [{ staleIfError: null }, /staleIfError is null/],
      [{ timeout: "0s" }, /timeout must be at least 1ms/],
      [{ maxAge: "5s" }, /"maxAge" is not known; known are ttl,/],
      [null, /null; give \{ ttl: "1s", … \}/],
      ["5s", /a string; give/],
    ] as const)
      assert.throws(() => cacheTimes(options as never), expected);
  });
});
