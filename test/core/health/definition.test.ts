import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { DEFAULT_HEALTH } from "../../../core/health/definition.ts";

describe("health that nobody has configured", () => {
  it("is what the table of defaults says: traffic is watched, nothing is checked", () => {
    assert.deepEqual(DEFAULT_HEALTH, {
      check: null,
      agent: null,
      ejection: {
        failures: 5,
        baseMs: 10_000,
        maxMs: 300_000,
        shareMax: 0.5,
        outliers: { requestsMin: 100, serversMin: 5, deviations: 1.9 },
      },
      panicShare: 0.5,
    });
  });
});
