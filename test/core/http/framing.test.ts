import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import * as refuse from "../../../core/fault.ts";
import { clientRefusal } from "../../../core/fault.ts";
import { frameRequest, frameResponse } from "../../../core/http/framing.ts";
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  METHOD_GET,
  METHOD_HEAD,
  RequestHead,
  ResponseHead,
} from "../../../core/http/message.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { fieldsOf, requestHead, responseHead } from "./heads.ts";

const FRAMINGS = ["none", "length", "chunked", "until close"];

const codeOf = (answer: number): string => clientRefusal(answer).code.slice(7);

/** `length 5`, `chunked`, `none`, `until close`, or the code of a refusal. */
function framingOf(answer: number, head: { body: number; bodyLength: number }): string {
  if (answer < 0) return codeOf(answer);
  return head.body === BODY_LENGTH ? `length ${head.bodyLength}` : FRAMINGS[head.body]!;
}

/** Fields by `\n`; a number is the refusal. */
function checkRequest(lines: string, expected: string | number, version = "HTTP/1.1"): void {
  const head = requestHead(`POST / ${version}${lines === "" ? "" : `\n${lines}`}`);
  const wanted = typeof expected === "number" ? codeOf(-expected) : expected;
  assert.equal(framingOf(frameRequest(head), head), wanted, lines);
}

function checkResponse(start: string, lines: string, expected: string | number, method = METHOD_GET): void {
  const head = responseHead(`${start}${lines === "" ? "" : `\n${lines}`}`);
  const wanted = typeof expected === "number" ? codeOf(-expected) : expected;
  assert.equal(framingOf(frameResponse(head, method), head), wanted, `${start} ${lines}`);
}

const CHUNKED = "Transfer-Encoding: chunked";

describe("frameRequest", () => {
  it("has no body without a length (F14, F17)", () => {
    checkRequest("", "none");
    checkRequest("", "none", "HTTP/1.0");
    checkRequest("Content-Length: 0", "none");
    checkRequest("Content_Length: 5", "none");
    checkRequest("Transfer_Encoding: chunked\nTransfer.Encoding: chunked", "none");
  });

  it("takes one length and one coding (F07, F16)", () => {
    checkRequest("Content-Length: 10", "length 10");
    checkRequest("content-length:\\t010 ", "length 10");
    checkRequest("Content-Length: 999999999999999", "length 999999999999999");
    for (const value of ["chunked", "CHUNKED", "chunked\\t", " \\tchunKed "]) {
      checkRequest(`Transfer-Encoding: ${value}`, "chunked");
    }
  });

  it("refuses both together, in any order (F01, F02)", () => {
    checkRequest(`Content-Length: 6\n${CHUNKED}`, refuse.LENGTH_AND_CHUNKED);
    checkRequest(`${CHUNKED}\nContent-Length: 0`, refuse.LENGTH_AND_CHUNKED);
    checkRequest(`${CHUNKED}\nContent-Length: x`, refuse.LENGTH_AND_CHUNKED);
  });

  it("refuses lengths that are not one plain number (F03, F04, F05, F06, F22)", () => {
    checkRequest("Content-Length: 5\nContent-Length: 6", refuse.BAD_CONTENT_LENGTH);
    checkRequest("Content-Length: 5\nContent-Length: 5", refuse.BAD_CONTENT_LENGTH);
    checkRequest("Content-Length:\nContent-Length: 43", refuse.BAD_CONTENT_LENGTH);
    for (const value of ["5, 5", "5,6", ", 5", "5,", "", "+5", "-5", "-0", "0x5", "5 5", "5;", "5.0", "5e0", "1_0"]) {
      checkRequest(`Content-Length: ${value}`, refuse.BAD_CONTENT_LENGTH);
    }
    for (const value of ['"5"', "\\xa05", "\\xef\\xbc\\x95", "9".repeat(400), "0".repeat(8_192), "0".repeat(33)]) {
      checkRequest(`Content-Length: ${value}`, refuse.BAD_CONTENT_LENGTH);
    }
    for (const value of ["18446744073709551616", "9007199254740993", "1000000000000000", "9".repeat(32)]) {
      checkRequest(`Content-Length: ${value}`, refuse.CONTENT_LENGTH_TOO_LARGE);
    }
  });

  it("refuses every coding but chunked, once (F08, F09, F10)", () => {
    for (const value of ["chunked;q=1", '"chunked"', "\\xa0chunked", "\\xffchunked", ",chunked", "chunked,"]) {
      checkRequest(`Transfer-Encoding: ${value}`, refuse.BAD_TRANSFER_ENCODING);
    }
    for (const value of ["chunked, cow", "cow, chunked", "chunked chunked", "identity", "chunked, identity", ""]) {
      checkRequest(`Transfer-Encoding: ${value}`, refuse.BAD_TRANSFER_ENCODING);
    }
    checkRequest("Transfer-Encoding: identity, chunked, identity", refuse.BAD_TRANSFER_ENCODING);
    checkRequest("Transfer-Encoding: chun\\xe2\\x84\\xaaed", refuse.BAD_TRANSFER_ENCODING);
    for (const value of ["gzip", "gzip, chunked", "xchunked", "chunke", "'chunked'", "deflate,gzip,chunked"]) {
      checkRequest(`Transfer-Encoding: ${value}`, refuse.UNKNOWN_TRANSFER_CODING);
    }
    for (const other of ["chunked", "identity", "cow", ""]) {
      checkRequest(`${CHUNKED}\nTransfer-Encoding: ${other}`, refuse.BAD_TRANSFER_ENCODING);
      checkRequest(`Transfer-Encoding: ${other}\n${CHUNKED}`, refuse.BAD_TRANSFER_ENCODING);
    }
  });

  it("refuses codings in HTTP/1.0 (F13)", () => {
    checkRequest(CHUNKED, refuse.CHUNKED_HTTP_1_0, "HTTP/1.0");
    checkRequest("Content-Length: 5", "length 5", "HTTP/1.0");
  });

  it("never overlooks a length, however many there are", () => {
    for (const count of [2, 255, 256, 257, 512]) {
      const head = new RequestHead();
      const { fields } = head;
      const model = fieldsOf(...new Array<string>(count).fill("Content-Length: 5"));
      fields.bytes = model.bytes;
      for (let i = 0; i < count; i++) {
        fields.add(model.nameStart(i), model.nameEnd(i), model.valueStart(i), model.valueEnd(i));
      }
      assert.equal(codeOf(frameRequest(head)), "bad-content-length", `${count} lengths`);
    }
  });

  it("takes only lengths that come out as they went in", () => {
    const byte = fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f && code !== 0x5c);
    const odd = fc.array(byte, { maxLength: 6 }).map((codes) => String.fromCharCode(...codes));
    const value = fc.oneof(odd, fc.bigInt({ min: 0n, max: 10n ** 18n }).map(String));
    alwaysHolds(
      fc.property(value, (text) => {
        const head = new RequestHead();
        const model = fieldsOf(`Content-Length: ${text}`);
        head.fields.bytes = model.bytes;
        head.fields.add(model.nameStart(0), model.nameEnd(0), model.valueStart(0), model.valueEnd(0));
        const answer = frameRequest(head);
        const isPlain = /^[0-9]+$/.test(text.replace(/^[ \t]+/, "")) && BigInt(text) < 10n ** 15n;
        assert.equal(answer === 0, isPlain, text);
        if (isPlain) assert.equal(BigInt(head.body === BODY_NONE ? 0 : head.bodyLength), BigInt(text));
      }),
    );
  });
});

describe("frameResponse", () => {
  const OK = "HTTP/1.1 200 OK";

  it("follows RFC 9112 section 6.3", () => {
    checkResponse(OK, "", "until close");
    checkResponse(OK, "Content-Length: 0", "none");
    checkResponse(OK, "Content-Length: 7", "length 7");
    checkResponse(OK, CHUNKED, "chunked");
    checkResponse("HTTP/1.0 200 OK", "", "until close");
  });

  it("has no body to HEAD, and with 1xx, 204 and 304", () => {
    checkResponse(OK, "Content-Length: 7", "none", METHOD_HEAD);
    checkResponse(OK, CHUNKED, "none", METHOD_HEAD);
    checkResponse(OK, "", "none", METHOD_HEAD);
    checkResponse("HTTP/1.1 304 Not Modified", "Content-Length: 7", "none");
    checkResponse("HTTP/1.1 204 No Content", "", "none");
    checkResponse("HTTP/1.1 204 No Content", "Content-Length: 7", "none");
    checkResponse("HTTP/1.1 100 Continue", "", "none");
  });

  it("refuses interim responses with a length (U05)", () => {
    checkResponse("HTTP/1.1 103 Early Hints", "Content-Length: 5", refuse.INTERIM_WITH_BODY);
    checkResponse("HTTP/1.1 100 Continue", CHUNKED, refuse.INTERIM_WITH_BODY);
    checkResponse("HTTP/1.1 100 Continue", "Content-Length: 0\nContent-Length: 0", refuse.BAD_CONTENT_LENGTH);
    checkResponse("HTTP/1.1 101 Switching Protocols", "Content-Length: 5", refuse.INTERIM_WITH_BODY, METHOD_HEAD);
    checkResponse("HTTP/1.1 101 Switching Protocols", "Content-Length: 0", refuse.INTERIM_WITH_BODY);
  });

  it("takes interim responses with a length of 0, which is what they have (U05)", () => {
    checkResponse("HTTP/1.1 100 Continue", "Content-Length: 0", "none");
    checkResponse("HTTP/1.1 103 Early Hints", "Content-Length: 0", "none", METHOD_HEAD);
  });

  it("refuses what it would refuse in a request, whatever the status and method", () => {
    for (const [start, method] of [
      [OK, METHOD_GET],
      [OK, METHOD_HEAD],
      ["HTTP/1.1 304 Not Modified", METHOD_GET],
    ] as const) {
      checkResponse(start, `Content-Length: 5\n${CHUNKED}`, refuse.LENGTH_AND_CHUNKED, method);
      checkResponse(start, "Content-Length: 5\nContent-Length: 5", refuse.BAD_CONTENT_LENGTH, method);
      checkResponse(start, "Content-Length: x", refuse.BAD_CONTENT_LENGTH, method);
      checkResponse(start, "Transfer-Encoding: gzip, chunked", refuse.UNKNOWN_TRANSFER_CODING, method);
      checkResponse(start, `${CHUNKED}\n${CHUNKED}`, refuse.BAD_TRANSFER_ENCODING, method);
    }
    checkResponse("HTTP/1.0 200 OK", CHUNKED, refuse.CHUNKED_HTTP_1_0);
  });

  it("names its framings as message.ts does", () => {
    assert.deepEqual([BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE], [0, 1, 2, 3]);
    assert.equal(new ResponseHead().body, BODY_NONE);
  });
});
