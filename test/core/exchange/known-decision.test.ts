import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { knownAttempt, knownDecision } from "../../../core/exchange/known-decision.ts";
import { checkDecision, UNCHANGED } from "../../../core/script/check-answer.ts";
import { NO_EDITS } from "../../../core/script/check-edits.ts";
import type { Group } from "../../../core/upstream/group.ts";

const app = {
  definition: { name: "app", sources: [{ kind: "name", server: { label: "down.internal:80" } }] },
  endpoints: [{ label: "10.0.0.1:80" }, { label: "app.internal:80/10.0.0.2" }],
} as unknown as Group;
const groups = new Map([["app", app]]);
const check = (answer: unknown, own: Group | null = null) => knownDecision(checkDecision(answer), groups, own);

describe("what was decided, held against what there is", () => {
  it("passes where it names what is there", () => {
    assert.equal(check("app").kind, "upstream");
    assert.equal(check({ upstream: "app", server: "10.0.0.1:80" }).kind, "upstream");
    assert.equal(check({ upstream: "app", server: "app.internal:80" }).kind, "upstream");
    assert.equal(check({ upstream: "app", server: "down.internal:80" }).kind, "upstream");
    assert.equal(check(undefined, app).kind, "own");
    assert.equal(check({ target: "http://10.0.0.9:80" }).kind, "target");
  });

  it("passes for a try as it does for a request", () => {
    const change = { server: "app.internal:80", edits: NO_EDITS };
    assert.equal(knownAttempt(change, app), change);
    assert.equal(knownAttempt(UNCHANGED, app), UNCHANGED);
    assert.throws(
      () => knownAttempt({ ...change, server: "nope" }, app),
      /upstream "app" has no server "nope"; known are/,
    );
  });

  it("is a slip of the hook where it does not", () => {
    assert.throws(() => check("ap"), /no upstream is called "ap"; known is app/);
    assert.throws(
      () => check({ upstream: "app", server: "x" }),
      /upstream "app" has no server "x"; known are 10\.0\.0\.1:80, app\.internal:80\/10\.0\.0\.2/,
    );
    assert.throws(() => check(undefined), /the route has no upstream of its own/);
    assert.throws(() => knownDecision(checkDecision("x"), new Map(), null), /there is none/);
  });
});
