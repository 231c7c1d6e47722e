import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as refuse from "../../../core/fault.ts";
import {
  acceptsTrailers,
  OPTION_CLOSE,
  OPTION_KEEP_ALIVE,
  OPTION_UPGRADE,
  readConnection,
  upgradeTokens,
} from "../../../core/http/connection.ts";
import { CONNECTION_OPTIONS_MAX } from "../../../core/limits.ts";
import { fieldsOf, kept } from "./heads.ts";

describe("readConnection", () => {
  const check = (lines: readonly string[], expected: number): void =>
    assert.equal(readConnection(fieldsOf(...lines)), expected, lines.join(" | "));

  it("reads options in any case, from all its lines", () => {
    check([], 0);
    check(["Connection: close"], OPTION_CLOSE);
    check(["Connection: keep-alive"], OPTION_KEEP_ALIVE);
    check(["connection:  CLOSE"], OPTION_CLOSE);
    check(["Connection: keep-alive, Upgrade"], OPTION_KEEP_ALIVE | OPTION_UPGRADE);
    check(["Connection: upgrade", "X: y", "Connection:\tclose ,"], OPTION_UPGRADE | OPTION_CLOSE);
    check(["Connection: keep-alive, close"], OPTION_KEEP_ALIVE | OPTION_CLOSE);
    check(["Connection:"], 0);
    check(["Connection: closed, keep_alive, upgrades"], 0);
  });

  it("refuses what is no list of tokens", () => {
    for (const value of ["close; x", "a b", '"close"', "a, b\xe9", "close\x0b", "a=b"]) {
      check([`Connection: ${value}`], -refuse.BAD_CONNECTION);
    }
  });

  it("refuses to take framing or destination away, in every spelling (F21)", () => {
    for (const name of ["Content-Length", "transfer-ENCODING", "Host", "content_length", "Transfer.Encoding"]) {
      check([`Connection: ${name}`], -refuse.BAD_CONNECTION);
      check([`Connection: close, ${name}`, "Content-Length: 5"], -refuse.BAD_CONNECTION);
    }
  });

  it("takes 32 options, over all lines", () => {
    const options = (count: number): string => new Array<string>(count).fill("close").join(",");
    check([`Connection: ${options(CONNECTION_OPTIONS_MAX - 1)}`], OPTION_CLOSE);
    check([`Connection: ${options(CONNECTION_OPTIONS_MAX)}`], OPTION_CLOSE);
    check([`Connection: ${options(CONNECTION_OPTIONS_MAX + 1)}`], -refuse.BAD_CONNECTION);
    check([`Connection: ${options(CONNECTION_OPTIONS_MAX)}`, "Connection: close"], -refuse.BAD_CONNECTION);
  });

  it("drops the fields it names, and their aliases", () => {
    const fields = fieldsOf("Connection: x-a, X-B", "X-A: 1", "x_a: 2", "X-AA: 3", "X-b: 4", "X: 5");
    assert.equal(readConnection(fields), 0);
    assert.deepEqual(kept(fields), ["Connection: x-a, X-B", "X-AA: 3", "X: 5"]);
  });

  it("keeps fields that mean something end to end, whoever names them", () => {
    for (const name of [
      "Cookie",
      "Authorization",
      "Content-Type",
      "Cache-Control",
      "Set-Cookie",
      "Date",
      "content_type",
      "Via",
      "X-Forwarded-For",
      "X-Forwarded-Proto",
      "x_forwarded-host",
      "X-Forwarded-Anything",
      "Forwarded",
      "X-Real-IP",
      "X-Client-Cert-Dn",
      "SSL-Client-S-DN",
    ]) {
      const fields = fieldsOf(`Connection: ${name}`, `${name.replace("_", "-")}: x`);
      assert.equal(readConnection(fields), 0);
      assert.equal(kept(fields).length, 2, name);
    }
  });
});

describe("acceptsTrailers", () => {
  const check = (lines: readonly string[], expected: boolean): void =>
    assert.equal(acceptsTrailers(fieldsOf(...lines)), expected, lines.join(" | "));

  it("wants the very member", () => {
    check([], false);
    check(["TE: trailers"], true);
    check(["TE: gzip;q=1, Trailers"], true);
    check(["TE: gzip", "TE: trailers"], true);
    check(["TE: trailers;q=1"], false);
    check(["TE: xtrailers, trailer"], false);
    check(["T_E: trailers"], false);
  });
});

describe("upgradeTokens", () => {
  const check = (lines: readonly string[], expected: string): void =>
    assert.equal(upgradeTokens(fieldsOf(...lines)), expected, lines.join(" | "));

  it("passes protocols as they were written", () => {
    check([], "");
    check(["Upgrade: websocket"], "websocket");
    check(["Upgrade: WebSocket , foo/2"], "WebSocket, foo/2");
    check(["Upgrade: foo", "Upgrade: bar"], "foo, bar");
  });

  it("leaves out what would put requests out of our sight (U08, U11)", () => {
    check(["Upgrade: h2c"], "");
    check(["Upgrade: H2C"], "");
    check(["Upgrade: foo, h2c, bar"], "foo, bar");
    check(["Upgrade: foo, h2c", "Upgrade: bar"], "foo, bar");
    check(["Upgrade: TLS/1.0"], "");
    check(["Upgrade: tls, h2c/1"], "");
  });

  it("passes nothing of what is no list of protocols", () => {
    for (const value of ["web socket", "foo/1/2", "foo/", "/1", '"websocket"', "foo; x", "f\xe9"]) {
      check([`Upgrade: websocket, ${value}`], "");
    }
  });
});
