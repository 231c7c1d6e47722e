import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { cookieValue } from "../../../core/http/cookie.ts";

describe("a cookie of a request", () => {
  const check = (field: string | null, expected: string | null): void =>
    assert.equal(cookieValue(field, "id"), expected, String(field));

  it("is found by its whole name, the first of several", () => {
    check("id=7", "7");
    check("a=1; id=7; id=8", "7");
    check("a=1;id=7", "7");
    check("a=1; \tid=7", "7");
    check("id=", "");
    check("id=a=b==", "a=b==");
  });

  it("is not found elsewhere", () => {
    for (const field of [null, "", "xid=7", "id", "ID=7", "id =7", "a=id=7", "; ;"]) check(field, null);
  });
});
