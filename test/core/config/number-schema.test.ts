import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { problemsOf } from "../../../core/config/issues.ts";
import { Limits, RouteLimits, RouteTimeouts, Timeouts } from "../../../core/config/number-schema.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../../core/limits.ts";

describe("limits and timeouts", () => {
  it("are those of limits.ts when nothing is said, none left out", () => {
    assert.equal(Object.keys(v.parse(Limits, {})).length, Object.keys(DEFAULT_LIMITS).length);
    assert.deepEqual(
      Object.entries(v.parse(Timeouts, {})).map(([name, value]) => [`${name}Ms`, value]),
      // What is endless when left out cannot be written.
      Object.entries(DEFAULT_TIMEOUTS).filter(([, ms]) => ms !== Number.POSITIVE_INFINITY),
    );
  });

  it("say where those of the whole server belong", () => {
    const problems = (schema: v.GenericSchema, input: unknown) =>
      problemsOf(v.safeParse(schema, input).issues ?? []).map(({ message }) => message);
    assert.match(problems(RouteLimits, { requestHead: "1KiB" }).join(), /top-level `limits`/);
    assert.match(problems(RouteTimeouts, { drain: "1s" }).join(), /top-level `timeouts`/);
    assert.deepEqual(v.parse(RouteLimits, {}), {});
  });

  it("Q14: no timeout is 0, negative, endless or beyond a timer's reach", () => {
    for (const connect of ["0s", "-1s", "unlimited", "25d", 0, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(v.safeParse(Timeouts, { connect }).success, false, String(connect));
    }
  });
});
