import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { HttpDate, httpDate } from "../../../core/time/date.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

describe("httpDate", () => {
  const check = (ms: number, expected: string): void => assert.equal(httpDate(ms), expected);

  it("writes IMF-fixdate", () => {
    check(Date.UTC(1994, 10, 6, 8, 49, 37), "Sun, 06 Nov 1994 08:49:37 GMT");
    check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check(Date.UTC(2024, 1, 29, 23, 59, 59, 999), "Thu, 29 Feb 2024 23:59:59 GMT");
    check(Date.UTC(2038, 0, 19, 3, 14, 8), "Tue, 19 Jan 2038 03:14:08 GMT");
  });

  it("agrees with the runtime's own", () => {
    alwaysHolds(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_000 }), (ms) => {
        check(ms, new Date(ms).toUTCString());
      }),
    );
  });
});

describe("HttpDate", () => {
  it("changes with the second of the clock, also backwards", () => {
    let nowMs = Date.UTC(2030, 0, 1, 12, 0, 0, 0);
    const date = new HttpDate(() => nowMs);
    assert.equal(date.text, "Tue, 01 Jan 2030 12:00:00 GMT");
    nowMs += 999;
    assert.equal(date.text, "Tue, 01 Jan 2030 12:00:00 GMT");
    nowMs += 1;
    assert.equal(date.text, "Tue, 01 Jan 2030 12:00:01 GMT");
    nowMs -= 3_600_000;
    assert.equal(date.text, "Tue, 01 Jan 2030 11:00:01 GMT");
  });
});
