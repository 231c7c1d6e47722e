import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ALIAS, isAliasOf, KNOWN_FIELDS, knownField, UNKNOWN, X_CLIENT_CERT } from "../../../core/http/known-fields.ts";
import { bytesOfText } from "../../support/wire.ts";

/** Between other bytes: the name ends where it ends. */
const idOf = (name: string): number => knownField(bytesOfText(`-${name}-`), 1, name.length + 1);

describe("knownField", () => {
  const check = (name: string, expected: number): void => assert.equal(idOf(name), expected, name);

  it("finds every known name in any case", () => {
    for (const [id, name] of KNOWN_FIELDS.entries()) {
      if (id === UNKNOWN) continue;
      check(name, id);
      check(name.toUpperCase(), id);
      check(
        name.replace(/[a-z]/g, (letter, at: number) => (at % 2 ? letter.toUpperCase() : letter)),
        id,
      );
    }
  });

  it("knows aliases by `_` and `.` for `-`, and nothing else", () => {
    for (const [id, name] of KNOWN_FIELDS.entries()) {
      if (!name.includes("-")) continue;
      check(name.replace("-", "_"), id | ALIAS);
      check(name.toUpperCase().replaceAll("-", "."), id | ALIAS);
      check(name.replace("-", "+"), UNKNOWN);
      check(name.replace("-", ""), UNKNOWN);
    }
  });

  it("is not fooled by names that are one byte off", () => {
    for (const name of KNOWN_FIELDS.slice(1)) {
      for (const other of [`${name}x`, name.slice(0, -1), `x${name}`, `${name.slice(0, -1)}~`, `${name}-`]) {
        if (!(KNOWN_FIELDS as readonly string[]).includes(other)) check(other, UNKNOWN);
      }
      // One bit off in the first letter: the same cell of the table.
      check(String.fromCharCode(name.charCodeAt(0) ^ 0x40) + name.slice(1), UNKNOWN);
    }
  });

  it("knows client certificates by their prefix, however long the rest", () => {
    for (const name of ["x-client-cert-dn", "X-Client-Cert-Subject", "x_client_cert_dn", "X-Client.Cert-Verified"]) {
      assert.equal(idOf(name) & ~ALIAS, X_CLIENT_CERT, name);
    }
    for (const length of [31, 32, 33, 100, 256]) {
      assert.equal(idOf("X-Client-Cert-".padEnd(length, "x")) & ~ALIAS, X_CLIENT_CERT, `${length} bytes`);
    }
    check("x-client-certificate", UNKNOWN);
    check("y".repeat(256), UNKNOWN);
  });
});

describe("isAliasOf", () => {
  it("reads `_` and `.` as `-` on both sides", () => {
    const check = (given: string, name: string, expected: boolean): void =>
      assert.equal(isAliasOf(bytesOfText(given), 0, given.length, name), expected, `${given} ${name}`);
    check("X-User", "x-user", true);
    check("x_user", "x-user", true);
    check("X.USER", "x_user", true);
    check("X-Users", "x-user", false);
    check("XUser", "x-user", false);
  });
});
