import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { problemsOf } from "../../../core/config/issues.ts";
import { Breaker, defineRetries, Hedge, Retries } from "../../../core/config/retry-schema.ts";
import { NO_CAPS } from "../../../core/upstream/breaker.ts";
import { DEFAULT_RETRIES } from "../../../core/upstream/retry-policy.ts";

const define = (input: unknown) => defineRetries(v.parse(Retries, input));
const problems = (input: unknown): string =>
  problemsOf(v.safeParse(Retries, input).issues ?? [])
    .map(({ path, message }) => `${path.join(".")}: ${message}`)
    .join("\n");

describe("retries in a configuration", () => {
  it("are those of the defaults when nothing is said", () => {
    assert.deepEqual(define({}), DEFAULT_RETRIES);
  });

  it("may say all of it", () => {
    const all = {
      attempts: 2,
      on: ["connect", "timeout", 500, "503"],
      perTryTimeout: "10s",
      backoff: { base: "1ms", max: "2s" },
      budget: { share: "12.5%", perSecond: 0 },
      unsafeRetryNonIdempotent: true,
    };
    assert.deepEqual(define(all), {
      attemptsMax: 2,
      reasons: ["connect", "timeout"],
      statuses: [500, 503],
      perTryMs: 10_000,
      backoffBaseMs: 1,
      backoffMaxMs: 2_000,
      budgetShare: 0.125,
      budgetPerSecond: 0,
      repeatsUnsafe: true,
    });
  });

  it("one reason needs no list; none of a kind means none", () => {
    assert.deepEqual(define({ on: "connect" }).statuses, []);
    assert.deepEqual(define({ on: 503 }).reasons, []);
  });

  it("with a deadline for each try are made after it, too, unless reasons are given", () => {
    assert.deepEqual(define({ perTryTimeout: "1s" }).reasons, ["connect", "broken", "timeout"]);
    assert.deepEqual(define({ perTryTimeout: "1s", on: ["connect"] }).reasons, ["connect"]);
  });

  it("say what would be right", () => {
    assert.match(problems({ attempts: 11 }), /attempts: expected a whole number from 0 to 10/);
    assert.match(
      problems({ on: ["reset"] }),
      /on.0: expected connect, broken, timeout, bad-response or a status from 400 to 599, got "reset"/,
    );
    for (const status of [399, 600, 500.5]) assert.match(problems({ on: [status] }), /a status from 400 to 599/);
    assert.equal(problems({ on: [400, 599] }), "");
    assert.match(
      problems({ budget: { share: 10 } }),
      /budget.share: expected a share such as "10%", got 10; write it .* "10%"/,
    );
    assert.match(problems({ budget: { share: "101%" } }), /write a share from 0% to 100%/);
    assert.equal(problems({ budget: { share: "100%" } }), "");
    assert.match(problems({ perTryTimeout: 5 }), /expected a duration/);
    assert.match(problems({ retry: 1 }), /unknown key/);
    assert.match(problems(false), /expected a map of attempts, .*, got false; for none write { attempts: 0 }$/);
    assert.ok(!v.safeParse(Hedge, {}).success);
  });
});

describe("the breaker in a configuration", () => {
  it("has no caps when nothing is said", () => {
    assert.deepEqual(v.parse(Breaker, {}), NO_CAPS);
    assert.deepEqual(v.parse(Breaker, { pending: 5 }), { ...NO_CAPS, pending: 5 });
    assert.ok(!v.safeParse(Breaker, { inFlight: 0 }).success);
  });
});
