import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as refuse from "../../../core/fault.ts";
import { clientRefusal } from "../../../core/fault.ts";
import type { RequestHead } from "../../../core/http/message.ts";
import { checkRequest } from "../../../core/http/request-rules.ts";
import { kept, requestHead } from "./heads.ts";

/** A GET with these fields beside Host, or another request line before them. */
function headOf(...lines: readonly string[]): RequestHead {
  const [first = ""] = lines;
  const isLine = / HTTP\/1\.[01]$/.test(first);
  return requestHead([isLine ? first : "GET / HTTP/1.1", "Host: a", ...(isLine ? lines.slice(1) : lines)].join("\n"));
}

function accept(...lines: readonly string[]): RequestHead {
  const head = headOf(...lines);
  assert.equal(checkRequest(head, "http"), 0, lines.join(" | "));
  return head;
}

function refused(refusal: number, ...lines: readonly string[]): void {
  const answer = checkRequest(headOf(...lines), "http");
  assert.equal(answer < 0 ? clientRefusal(answer).code : "", clientRefusal(-refusal).code, lines.join(" | "));
}

describe("checkRequest", () => {
  it("checks target, framing and Connection", () => {
    accept("POST /a HTTP/1.1", "Content-Length: 5");
    refused(refuse.BAD_HOST, "Host: b");
    refused(refuse.BAD_CONTENT_LENGTH, "Content-Length: x");
    refused(refuse.BAD_CONNECTION, "Connection: content-length", "Content-Length: 5");
    refused(refuse.METHOD_NOT_ALLOWED, "TRACE / HTTP/1.1");
    assert.equal(checkRequest(headOf("GET https://a/ HTTP/1.1"), "http"), -refuse.WRONG_SCHEME);
    assert.equal(checkRequest(headOf("GET https://a/ HTTP/1.1"), "https"), 0);
  });

  it("says whether the connection lives on", () => {
    const check = (expected: boolean, ...lines: readonly string[]): void =>
      assert.equal(accept(...lines).keepsAlive, expected, lines.join(" | "));
    check(true, "GET / HTTP/1.1");
    check(false, "GET / HTTP/1.1", "Connection: close");
    check(false, "GET / HTTP/1.1", "Connection: keep-alive, close");
    check(false, "GET / HTTP/1.0");
    check(true, "GET / HTTP/1.0", "Connection: Keep-Alive");
    check(false, "GET / HTTP/1.0", "Connection: keep-alive, close");
  });

  it("refuses a second Authorization or Content-Type (L22)", () => {
    refused(refuse.DUPLICATE_SINGLETON, "Authorization: a", "authorization: a");
    refused(refuse.DUPLICATE_SINGLETON, "Content-Type: a", "Content-Type: b");
    accept("Accept: a", "Accept: b", "Cookie: a", "Cookie: b");
  });

  it("says whether trailers are welcome, also when a head is used again", () => {
    assert.equal(accept("TE: trailers").acceptsTrailers, true);
    assert.equal(accept("GET / HTTP/1.0", "TE: trailers").acceptsTrailers, false);
    const head = headOf("TE: gzip");
    head.acceptsTrailers = true;
    checkRequest(head, "http");
    assert.equal(head.acceptsTrailers, false);
  });
});

describe("Expect", () => {
  const post = "POST / HTTP/1.1";

  it("is 100-continue, once (U03)", () => {
    accept(post, "Content-Length: 5", "Expect: 100-Continue");
    for (const value of ["y 100-continue", "100-continue, x", "200-ok", ""]) {
      refused(refuse.BAD_EXPECT, post, "Content-Length: 5", `Expect: ${value}`);
    }
    refused(refuse.BAD_EXPECT, post, "Content-Length: 5", "Expect: 100-continue", "Expect: 100-continue");
    refused(refuse.BAD_EXPECT, "Expect: x");
  });

  it("is passed on only where a body waits for it", () => {
    const passes = (...lines: readonly string[]): boolean =>
      kept(accept(...lines, "Expect: 100-continue").fields).includes("Expect: 100-continue");
    assert.equal(passes(post, "Content-Length: 5"), true);
    assert.equal(passes(post, "Transfer-Encoding: chunked"), true);
    assert.equal(passes(post, "Content-Length: 0"), false);
    assert.equal(passes("GET / HTTP/1.1"), false);
    assert.equal(passes("POST / HTTP/1.0", "Content-Length: 5"), false);
  });
});

describe("upgrades", () => {
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  const version = "Sec-WebSocket-Version: 13";
  const upgrade = ["Connection: keep-alive, Upgrade", "Upgrade: websocket"] as const;

  it("need both Connection and Upgrade, and HTTP/1.1 (U09, U12)", () => {
    const check = (expected: string, ...lines: readonly string[]): void =>
      assert.equal(accept(...lines).upgrade, expected, lines.join(" | "));
    check("foo", "Connection: upgrade", "Upgrade: foo");
    check("", "Connection: upgrade");
    check("", "Upgrade: foo");
    check("", "Connection: upgrade", "Upgrade: h2c");
    check("", "GET / HTTP/1.0", "Connection: upgrade", "Upgrade: foo");
    check("WebSocket", "Connection: upgrade", "Upgrade: WebSocket, h2c", key, version);
  });

  it("to something else than WebSocket are ignored when there is a body", () => {
    assert.equal(accept("POST / HTTP/1.1", "Connection: upgrade", "Upgrade: foo", "Content-Length: 5").upgrade, "");
  });

  it("to WebSocket must be a whole handshake (W02, U10)", () => {
    assert.equal(accept(...upgrade, key, version).upgrade, "websocket");
    for (const lines of [
      [key],
      [version],
      [key, "Sec-WebSocket-Version: 8"],
      [key, "Sec-WebSocket-Version: 13, 8"],
      [key, key, version],
      [key, version, version],
      [key, version, "Content-Length: 0"],
      [key, version, "Content-Length: 30"],
      [key, version, "Transfer-Encoding: chunked"],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=", version],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==", version],
      ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQQ", version],
      ["Sec-WebSocket-Key:", version],
    ]) {
      refused(refuse.BAD_WEBSOCKET, ...upgrade, ...lines);
    }
    refused(refuse.BAD_WEBSOCKET, "POST / HTTP/1.1", ...upgrade, key, version);
    refused(refuse.BAD_WEBSOCKET, "Connection: upgrade", "Upgrade: foo, WEBSOCKET", key);
  });
});
