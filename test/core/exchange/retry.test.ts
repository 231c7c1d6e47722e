import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type FailedTry, mayHedge, nextTry } from "../../../core/exchange/retry.ts";
import * as fault from "../../../core/fault.ts";
import { DEFAULT_RETRIES, type RetryPolicy } from "../../../core/upstream/retry-policy.ts";

/** A GET that was sent on a new connection and broke. */
const BROKEN: FailedTry = {
  fault: fault.UPSTREAM_RESET,
  status: 0,
  wasSent: true,
  isReused: false,
  hasHeard: false,
  hasForwarded: false,
  isRepeatable: true,
  isReplayable: true,
  retries: 0,
};
const REFUSED: FailedTry = { ...BROKEN, fault: fault.CONNECT_REFUSED, wasSent: false };
const STALE: FailedTry = { ...BROKEN, isReused: true };
const ANSWERED: FailedTry = { ...BROKEN, fault: null, status: 503, hasHeard: true };
const POST: Partial<FailedTry> = { isRepeatable: false, isReplayable: false };

const next = (failed: FailedTry, changes: Partial<FailedTry> = {}, policy: Partial<RetryPolicy> = {}) =>
  nextTry({ ...failed, ...changes }, { ...DEFAULT_RETRIES, ...policy });

describe("what follows a failed try", () => {
  it("elsewhere at once when the server accepts no connection, whatever the method", () => {
    for (const reason of [fault.CONNECT_REFUSED, fault.CONNECT_FAILED, fault.CONNECT_TIMEOUT, fault.UNREACHABLE]) {
      assert.equal(next(REFUSED, { fault: reason }), "elsewhere");
      assert.equal(next(REFUSED, { fault: reason, ...POST }), "elsewhere");
    }
  });

  it("anywhere after a pause when it broke, if that does no harm", () => {
    assert.equal(next(BROKEN), "anywhere");
    assert.equal(next(BROKEN, { fault: fault.UPSTREAM_CLOSED }), "anywhere");
    assert.equal(next(BROKEN, { hasHeard: true }), "anywhere", "half a head went nowhere");
    assert.equal(next(BROKEN, { isRepeatable: false }), "none");
    assert.equal(next(BROKEN, { isReplayable: false }), "none");
  });

  it("the same server on a fresh connection when a kept one was closed, at no charge", () => {
    assert.equal(next(STALE), "fresh");
    assert.equal(next(STALE, { fault: fault.UPSTREAM_CLOSED, retries: 9 }, { attemptsMax: 0 }), "fresh");
    assert.equal(next(STALE, POST), "none");
    assert.equal(next(STALE, { hasHeard: true }), "anywhere");
    assert.equal(next(STALE, { fault: fault.FIRST_BYTE_TIMEOUT }), "none");
  });

  it("the same when a kept one brought the body of a response before", () => {
    const stray: Partial<FailedTry> = { fault: fault.STRAY_BODY, hasHeard: true };
    assert.equal(next(STALE, stray), "fresh");
    assert.equal(next(STALE, { ...stray, ...POST }), "none");
    assert.equal(next(STALE, { ...stray, fault: fault.upstreamRefusal(-fault.BAD_STATUS_LINE) }), "none");
  });

  it("by the statuses of the policy", () => {
    for (const status of [502, 503, 504]) assert.equal(next(ANSWERED, { status }), "anywhere");
    for (const status of [200, 404, 500, 501]) assert.equal(next(ANSWERED, { status }), "none");
    assert.equal(next(ANSWERED, { status: 500 }, { statuses: [500] }), "anywhere");
    assert.equal(next(ANSWERED, POST), "none");
  });

  it("nothing once anything went to the client", () => {
    for (const failed of [BROKEN, REFUSED, STALE, ANSWERED]) assert.equal(next(failed, { hasForwarded: true }), "none");
  });

  it("nothing after the last try", () => {
    for (const failed of [BROKEN, REFUSED, ANSWERED]) {
      assert.equal(next(failed, { retries: 1 }, { attemptsMax: 2 }), next(failed));
      assert.equal(next(failed, { retries: 1 }), "none");
      assert.equal(next(failed, {}, { attemptsMax: 0 }), "none");
    }
  });

  it("nothing for reasons that are not in the policy", () => {
    assert.equal(next(BROKEN, {}, { reasons: ["connect"] }), "none");
    assert.equal(next(REFUSED, {}, { reasons: ["broken"] }), "none");
    assert.equal(next(BROKEN, { fault: fault.FIRST_BYTE_TIMEOUT }), "none");
    assert.equal(next(BROKEN, { fault: fault.FIRST_BYTE_TIMEOUT }, { reasons: ["timeout"] }), "anywhere");
    const garbage = fault.upstreamRefusal(-fault.BARE_LF);
    assert.equal(next(BROKEN, { fault: garbage }), "none");
    assert.equal(next(BROKEN, { fault: garbage }, { reasons: ["bad-response"] }), "anywhere");
  });

  it("nothing for what no other server would mend", () => {
    for (const reason of [fault.LOCAL_RESOURCES, fault.QUEUE_FULL, fault.QUEUE_TIMEOUT, fault.DRAINING])
      assert.equal(next(REFUSED, { fault: reason }), "none", reason.code);
  });
});

it("a try runs beside another one only if doing it twice does no harm, and one answer can be chosen", () => {
  const harmless = { asksUpgrade: false, hasForwarded: false, isIdempotent: true, isReplayable: true };
  assert.ok(mayHedge(harmless));
  for (const [name, value] of Object.entries(harmless)) assert.ok(!mayHedge({ ...harmless, [name]: !value }), name);
});
