import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  ALIAS,
  isAliasOf,
  KNOWN_FIELDS,
  knownField,
  SSL_CLIENT,
  UNKNOWN,
  X_CLIENT_CERT,
  X_FORWARDED,
} from "../../../core/http/known-fields.ts";
import { bytesOfText } from "../../../testing/wire.ts";

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
        if (!(KNOWN_FIELDS as readonly string[]).includes(other))
          check(other, /^x-forwarded-./.test(other) ? X_FORWARDED : UNKNOWN);
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

  it("knows what else begins as a proxy's word about a client (H05)", () => {
    for (const name of ["X-Forwarded-Ssl", "x-forwarded-client-cert", "X-Forwarded-".padEnd(256, "x")])
      check(name, X_FORWARDED);
    for (const name of ["X_FORWARDED_SSL", "x-forwarded-client_cert", "X-Forwarded.Ssl"])
      check(name, X_FORWARDED | ALIAS);
    for (const name of ["SSL-Client-S-DN", "SSL_CLIENT_CERT", "ssl-client-verify"]) check(name, SSL_CLIENT);
    for (const name of ["X-Forwarder-For", "X-Forwarded-", "SSL-Cipher", "SSL-Clients"]) check(name, UNKNOWN);
  });

  it("fit the six bits of a row", () => assert.ok(KNOWN_FIELDS.length <= 64));
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
