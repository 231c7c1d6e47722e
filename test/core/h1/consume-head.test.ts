import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Inbox } from "../../../core/bytes/inbox.ts";
import { latin1 } from "../../../core/bytes/text.ts";
import { consumeHead } from "../../../core/h1/consume-head.ts";
import { type HeadBounds, parseRequestHead, parseResponseHead } from "../../../core/h1/parse-head.ts";
import { METHOD_GET, RequestHead, ResponseHead } from "../../../core/http/message.ts";
import { checkRequest } from "../../../core/http/request-rules.ts";
import { checkResponse } from "../../../core/http/response-rules.ts";
import { wire } from "../../../testing/wire.ts";

const ANY: HeadBounds = { headBytesMax: 1e6, fieldsMax: 1e4, nameBytesMax: 1e4, targetBytesMax: 1e6 };
const LARGE = 4 * 1024;

/** `before` was consumed already; the body behind the head is all `x`. */
function consumed(before: string, headText: string, bodyBytes: number) {
  const bytes = wire(`${before}${headText}\n\n${"x".repeat(bodyBytes)}`);
  const inbox = new Inbox();
  inbox.append(bytes, 0, bytes.length);
  inbox.consume(before.length);
  const head = headText.startsWith("HTTP") ? new ResponseHead() : new RequestHead();
  let end: number;
  if (head instanceof RequestHead) {
    end = parseRequestHead(head, bytes, inbox.start, inbox.end, ANY);
    assert.equal(checkRequest(head, "http"), 0);
  } else {
    end = parseResponseHead(head, bytes, inbox.start, inbox.end, ANY);
    assert.equal(checkResponse(head, METHOD_GET), 0);
  }
  const chunk = consumeHead(head, inbox, end);
  return { bytes, inbox, head, chunk };
}

const post = (length: number) => `POST http://h/p?q HTTP/1.1\nHost: h\nContent-Length: ${length}`;

describe("a head and its body in one chunk", () => {
  for (const before of ["", "before"]) {
    it(`part where the body is large, behind "${before}"`, () => {
      const { bytes, inbox, head, chunk } = consumed(before, post(LARGE), LARGE);
      assert.equal(chunk, null);
      assert.equal(inbox.freeChunk, bytes);
      assert.equal(inbox.length, LARGE);
      bytes.fill(0);
      assert.ok(head instanceof RequestHead);
      assert.deepEqual(
        [head.methodText, head.targetText, head.pathText, head.queryText, head.fields.count],
        ["POST", "http://h/p?q", "/p", "q", 2],
      );
      assert.equal(latin1(head.fields.bytes, head.hostStart, head.hostEnd), "h");
      assert.deepEqual([head.fields.nameText(1), head.fields.valueText(1)], ["Content-Length", String(LARGE)]);
    });
  }

  it("part in a response, too", () => {
    const { bytes, head, chunk } = consumed("", `HTTP/1.1 200 Fine\nContent-Length: ${LARGE}`, LARGE);
    assert.equal(chunk, null);
    bytes.fill(0);
    assert.ok(head instanceof ResponseHead);
    assert.equal(latin1(head.fields.bytes, head.reasonStart, head.reasonEnd), "Fine");
    assert.equal(head.fields.valueText(0), String(LARGE));
  });

  it("stay together where the body in it is small, and the chunk is kept with the head", () => {
    const { bytes, inbox, head, chunk } = consumed("", post(LARGE), LARGE - 1);
    assert.equal(chunk, bytes);
    assert.equal(inbox.freeChunk, null);
    assert.equal(head.fields.bytes, bytes);
  });

  it("stay together where what follows is no body", () => {
    const { bytes, inbox, head, chunk } = consumed("", "GET / HTTP/1.1\nHost: h", LARGE);
    assert.equal(chunk, bytes);
    assert.equal(inbox.freeChunk, null);
    assert.equal(head.fields.bytes, bytes);
  });

  it("stay where they are in an inbox of its own, which nobody else wants back", () => {
    const bytes = wire(`${post(LARGE)}\n\n${"x".repeat(LARGE)}`);
    const inbox = new Inbox();
    inbox.append(bytes, 0, 10);
    inbox.append(bytes, 10, bytes.length);
    const head = new RequestHead();
    const end = parseRequestHead(head, inbox.bytes, inbox.start, inbox.end, ANY);
    assert.equal(checkRequest(head, "http"), 0);
    assert.equal(consumeHead(head, inbox, end), null);
    assert.equal(inbox.freeChunk, null);
    assert.equal(inbox.length, LARGE);
  });
});
