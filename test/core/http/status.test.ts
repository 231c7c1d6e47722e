import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { hasNoBody, hasNoContent, reasonOf } from "../../../core/http/status.ts";

describe("status codes", () => {
  it("have the words of the registry, or some", () => {
    assert.equal(reasonOf(200), "OK");
    assert.equal(reasonOf(404), "Not Found");
    assert.equal(reasonOf(431), "Request Header Fields Too Large");
    assert.equal(reasonOf(206), "Partial Content"); // what mounted programs answer, too
    assert.equal(reasonOf(422), "Unprocessable Content");
    assert.equal(reasonOf(299), "Status");
    for (let status = 100; status < 1_000; status++) assert.match(reasonOf(status), /^[A-Za-z' -]+$/);
  });

  it("end with their head if they are 1xx, 204 or 304 (RFC 9112 section 6.3)", () => {
    const without = Array.from({ length: 500 }, (_, i) => i + 100).filter(hasNoBody);
    assert.deepEqual(without, [...Array.from({ length: 100 }, (_, i) => i + 100), 204, 304]);
    for (let status = 100; status < 600; status++)
      assert.equal(hasNoContent(status), status === 205 || without.includes(status), String(status));
  });
});
