import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type FailedTry, mayRetryStale } from "../../../core/exchange/retry.ts";
import * as fault from "../../../core/fault.ts";

const STALE: FailedTry = {
  fault: fault.UPSTREAM_CLOSED,
  isReused: true,
  isIdempotent: true,
  isReplayable: true,
  hasResponse: false,
  retries: 0,
};

describe("a second try", () => {
  it("is made for a pooled connection that was closed or reset", () => {
    assert.ok(mayRetryStale(STALE));
    assert.ok(mayRetryStale({ ...STALE, fault: fault.UPSTREAM_RESET }));
  });

  const against: [string, Partial<FailedTry>][] = [
    ["on a fresh connection", { isReused: false }],
    ["with a method that may not be done twice", { isIdempotent: false }],
    ["with a body that is gone", { isReplayable: false }],
    ["after a byte of a response", { hasResponse: true }],
    ["after another one", { retries: 1 }],
    ...[
      fault.FIRST_BYTE_TIMEOUT,
      fault.RESPONSE_TRUNCATED,
      fault.CONNECT_REFUSED,
      fault.QUEUE_TIMEOUT,
      fault.UPSTREAM_SEND_TIMEOUT,
      fault.CLIENT_CLOSED,
      fault.upstreamRefusal(-fault.BARE_LF),
    ].map((each): [string, Partial<FailedTry>] => [`for ${each.code}`, { fault: each }]),
  ];
  for (const [name, change] of against) {
    it(`is not made ${name}`, () => assert.ok(!mayRetryStale({ ...STALE, ...change })));
  }
});
