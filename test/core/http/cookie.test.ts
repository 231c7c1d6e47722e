import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { cookieValue } from "../../../core/http/cookie.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

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

  it("is found as by taking the field apart", () => {
    const taken = (field: string): string | null => {
      for (const pair of field.split(";")) {
        const equals = pair.indexOf("=");
        if (equals >= 0 && pair.slice(0, equals).replace(/^[ \t]+/, "") === "id") return pair.slice(equals + 1);
      }
      return null;
    };
    const piece = fc.constantFrom("id", "=", ";", " ", "\t", "i", "x", "idid");
    alwaysHolds(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => check(pieces.join(""), taken(pieces.join("")))),
      2_000,
    );
  });
});
