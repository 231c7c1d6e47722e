import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as fault from "../../../core/fault.ts";
import { backoffMs, DEFAULT_RETRIES, retryReasonOf } from "../../../core/upstream/retry-policy.ts";

describe("the pause before a further try", () => {
  it("is anything up to a bound that doubles, and then stays", () => {
    const bounds = [1, 2, 3, 4, 5, 9].map((retry) => backoffMs(DEFAULT_RETRIES, retry, 1));
    assert.deepEqual(bounds, [25, 75, 175, 250, 250, 250]);
    assert.equal(backoffMs(DEFAULT_RETRIES, 3, 0), 0);
    assert.equal(backoffMs(DEFAULT_RETRIES, 3, 0.5), 87.5);
  });
});

describe("why a try failed", () => {
  it("in the words of the configuration", () => {
    assert.equal(retryReasonOf(fault.CONNECT_REFUSED), "connect");
    assert.equal(retryReasonOf(fault.CONNECT_TIMEOUT), "connect");
    assert.equal(retryReasonOf(fault.UPSTREAM_CLOSED), "broken");
    assert.equal(retryReasonOf(fault.RESPONSE_TRUNCATED), "broken");
    assert.equal(retryReasonOf(fault.FIRST_BYTE_TIMEOUT), "timeout");
    assert.equal(retryReasonOf(fault.TRY_TIMEOUT), "timeout");
    assert.equal(retryReasonOf(fault.upstreamRefusal(-fault.BARE_LF)), "bad-response");
    assert.equal(retryReasonOf(fault.QUEUE_FULL), null);
    assert.equal(retryReasonOf(fault.CLIENT_RESET), null);
  });
});
