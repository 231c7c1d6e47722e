import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  isIdempotent,
  METHOD_CONNECT,
  METHOD_GET,
  METHOD_OTHER,
  METHOD_PATCH,
  METHOD_POST,
  METHOD_PRI,
  METHOD_TRACE,
  methodOf,
  RequestHead,
  ResponseHead,
} from "../../../core/http/message.ts";
import { bytesOfText, textOfBytes } from "../../../testing/wire.ts";
import { requestHead, responseHead } from "./heads.ts";

const NAMES = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"];

describe("methods", () => {
  const check = (name: string, expected: number): void =>
    assert.equal(methodOf(bytesOfText(`x${name}x`), 1, name.length + 1), expected, name);

  it("are case-sensitive, and compared whole", () => {
    for (const [i, name] of NAMES.entries()) {
      check(name, METHOD_GET + i);
      for (const other of [name.toLowerCase(), `${name}S`, name.slice(0, -1), `X${name}`]) check(other, METHOD_OTHER);
    }
    check("QUERY", METHOD_OTHER);
    check("", METHOD_OTHER);
  });

  it("may be tried again when twice is as good as once", () => {
    const twice = NAMES.filter((_, i) => isIdempotent(METHOD_GET + i));
    assert.deepEqual(twice, ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);
    for (const method of [METHOD_OTHER, METHOD_POST, METHOD_PATCH, METHOD_TRACE, METHOD_CONNECT, METHOD_PRI]) {
      assert.equal(isIdempotent(method), false);
    }
  });
});

/** Everything of a head that is no list. */
function plain(head: RequestHead | ResponseHead): Record<string, unknown> {
  const { fields, progress, ...rest } = head;
  return { ...rest, ...progress, count: fields.count };
}

describe("RequestHead", () => {
  it("gives its parts as text", () => {
    const head = requestHead("PURGE /a%20b?c=d HTTP/1.1\nHost: a");
    assert.deepEqual(
      [head.methodText, head.targetText, head.pathText, head.queryText],
      ["PURGE", "/a%20b?c=d", "/a%20b", "c=d"],
    );
    assert.deepEqual(
      [requestHead("GET http://a HTTP/1.1").queryText, requestHead("GET /? HTTP/1.1").queryText],
      ["", ""],
    );
  });

  it("follows its bytes when these move", () => {
    const head = requestHead("\n\nPOST /a?b HTTP/1.1\nHost: a\nX: y");
    const text = [head.methodText, head.targetText, head.pathText, head.queryText, head.fields.valueText(1)];
    head.shift(head.fields.bytes.slice(4), 4);
    assert.equal(head.methodStart, 0);
    assert.deepEqual([head.methodText, head.targetText, head.pathText, head.queryText, head.fields.valueText(1)], text);
  });

  it("has no method and target before they are read, wherever its bytes move", () => {
    const head = new RequestHead();
    head.shift(bytesOfText("GE"), 40);
    assert.deepEqual([head.methodText, head.targetText], ["", ""]);
    assert.deepEqual([head.pathStart, head.pathEnd, head.hostStart, head.hostEnd], [0, 0, 0, 0]);
  });

  it("moves into memory of its own, which holds nothing else", () => {
    for (const text of ["PURGE /a%20b?c=d HTTP/1.1\nHost: a\nX: yz", "GET / HTTP/1.0"]) {
      const head = requestHead(`\n${text}`);
      const before = [head.methodText, head.targetText, head.pathText, head.queryText, head.hostEnd - head.hostStart];
      const values = Array.from({ length: head.fields.count }, (_, i) => head.fields.valueText(i));
      head.fields.bytes = Uint8Array.from([...head.fields.bytes, 1, 2, 3]);
      head.moveOut();
      assert.ok(head.fields.bytes.length < text.length + 8);
      assert.ok(!head.fields.bytes.includes(1));
      assert.deepEqual(
        [head.methodText, head.targetText, head.pathText, head.queryText, head.hostEnd - head.hostStart],
        before,
      );
      assert.deepEqual(
        values,
        Array.from(values, (_, i) => head.fields.valueText(i)),
      );
    }
  });

  it("has no host where none was sent, wherever its bytes move", () => {
    const head = requestHead("GET / HTTP/1.0\nA: b");
    head.shift(bytesOfText("GET"), 40);
    assert.deepEqual([head.hostStart, head.hostEnd], [0, 0]);
  });

  it("says whether its client may wait to be told to go on, of which HTTP/1.0 knows nothing", () => {
    const expects = (head: string) => requestHead(head).expectsContinue;
    assert.deepEqual(
      ["1.1\nExpect: 100-continue", "1.0\nExpect: 100-continue", "1.1"].map((rest) => expects(`PUT / HTTP/${rest}`)),
      [true, false, false],
    );
  });

  it("keeps nothing of the last request that the parser does not set anew", () => {
    const head = requestHead("\nPOST /%?x HTTP/1.0\nHost: a");
    Object.assign(head, { upgrade: "x", keepsAlive: false, acceptsTrailers: true, body: 2, bodyLength: 5, hostEnd: 9 });
    head.clear();
    const fresh = plain(new RequestHead());
    const setAnew = ["method", "methodStart", "methodEnd", "targetStart", "targetEnd"];
    for (const [key, value] of Object.entries(plain(head))) {
      if (!setAnew.includes(key) && key !== "acceptsTrailers") assert.equal(value, fresh[key], key);
    }
  });
});

describe("ResponseHead", () => {
  it("moves into memory of its own, which holds nothing else", () => {
    for (const text of ["HTTP/1.1 101 Switching\nUpgrade: x", "HTTP/1.0 404 Gone"]) {
      const head = responseHead(text);
      const reason = (): string => textOfBytes(head.fields.bytes.subarray(head.reasonStart, head.reasonEnd));
      const before = [reason(), head.fields.value("upgrade"), head.lineStart === -1];
      head.fields.bytes = Uint8Array.from([...head.fields.bytes, 1, 2, 3]);
      head.moveOut();
      assert.ok(!head.fields.bytes.includes(1));
      assert.deepEqual([reason(), head.fields.value("upgrade"), head.lineStart === -1], before);
    }
  });

  it("follows its bytes, and keeps nothing of the last response", () => {
    const head = responseHead("HTTP/1.0 404 Gone fishing\nA: b");
    head.body = 2;
    head.bodyLength = 5;
    head.clear();
    const fresh = plain(new ResponseHead());
    for (const [key, value] of Object.entries(plain(head))) {
      // Set by every status line.
      if (!["minorVersion", "lineStart", "reasonStart", "reasonEnd"].includes(key))
        assert.equal(value, fresh[key], key);
    }
  });
});
