import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../../core/bytes/text.ts";
import { reframeRequest, reframeResponse } from "../../../core/exchange/reframe.ts";
import { parseRequestHead } from "../../../core/h1/parse-head.ts";
import { BODY_CHUNKED, BODY_LENGTH, RequestHead } from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";

function linesOf({ lines }: OutgoingHead): string[] {
  return lines.map(({ name, value }) => `${name}: ${value}`);
}

describe("a head for another body", () => {
  it("of a response says nothing of the bytes it had", () => {
    const outgoing = new OutgoingHead();
    for (const name of ["Content-Length", "Accept-Ranges", "Content-MD5", "Digest", "Repr-Digest", "Trailer", "X-A"])
      outgoing.add(name, "1");
    outgoing.add("ETag", '"a"');
    reframeResponse(outgoing, -1);
    assert.deepEqual(linesOf(outgoing), ["X-A: 1", 'ETag: W/"a"']);
    assert.equal(outgoing.body, BODY_CHUNKED);
    reframeResponse(outgoing, 5);
    assert.deepEqual(linesOf(outgoing), ["X-A: 1", 'ETag: W/"a"'], "a weak tag stays as it is");
    assert.equal(outgoing.body, BODY_LENGTH);
    assert.equal(outgoing.contentLength, 5);
  });

  it("of a request neither", () => {
    const head = new RequestHead();
    const bytes = bytesOf(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\nContent-Digest: x\r\n\r\n",
    );
    const bounds = { headBytesMax: 1_000, fieldsMax: 10, nameBytesMax: 100, targetBytesMax: 100 };
    assert.ok(parseRequestHead(head, bytes, 0, bytes.length, bounds) > 0);
    const outgoing = new OutgoingHead();
    outgoing.fields = head.fields;
    reframeRequest(outgoing, -1);
    outgoing.detach();
    assert.deepEqual(linesOf(outgoing), ["Host: a"]);
    assert.equal(outgoing.body, BODY_CHUNKED);
  });
});
