import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import * as refuse from "../../../core/fault.ts";
import { clientRefusal } from "../../../core/fault.ts";
import {
  type HeadBounds,
  INCOMPLETE,
  parseFields,
  parseRequestHead,
  parseResponseHead,
} from "../../../core/h1/parse-head.ts";
import { Fields as FieldList, type Fields } from "../../../core/http/fields.ts";
import { ParseProgress, RequestHead, ResponseHead } from "../../../core/http/message.ts";
import { DEFAULT_LIMITS, LEADING_EMPTY_LINES_MAX, METHOD_BYTES_MAX } from "../../../core/limits.ts";
import { bytesOfText, printable, textOfBytes, wire } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { deliveriesOf, feedRequestHead, feedResponseHead, REQUEST_BOUNDS, RESPONSE_BOUNDS } from "./feed.ts";

const NEXT = bytesOfText("GET /next HTTP/1.1\r\nHost: next\r\n\r\n");
const NEXT_RESPONSE = bytesOfText("HTTP/1.1 204 Next\r\nX: next\r\n\r\n");

/** `METHOD|target|path|query|1.minor`, then one line per field; the number of a refusal. */
type Expected = string | number;

function requestText(head: RequestHead): string {
  const query = head.queryStart === -1 ? "" : head.queryText;
  const path = textOfBytes(head.fields.bytes.subarray(head.pathStart, head.pathEnd));
  const line = [head.methodText, head.targetText, path, query, `1.${head.minorVersion}`].join("|");
  return [line, ...linesOf(head.fields)].join("\n");
}

function responseText(head: ResponseHead): string {
  const reason = textOfBytes(head.fields.bytes.subarray(head.reasonStart, head.reasonEnd));
  return [`1.${head.minorVersion}|${head.status}|${reason}`, ...linesOf(head.fields)].join("\n");
}

function linesOf(fields: Fields): string[] {
  return Array.from({ length: fields.count }, (_, i) => `${fields.nameText(i)}=${fields.valueText(i)}`);
}

/** The head must be read as expected in every delivery. */
function checkRequest(head: string | Uint8Array, expected: Expected, bounds: HeadBounds = REQUEST_BOUNDS): void {
  const bytes = typeof head === "string" ? wire(head) : head;
  for (const delivery of deliveriesOf(bytes, NEXT)) {
    const { answer, head: parsed } = feedRequestHead(delivery, bounds);
    const got = answer > 0 ? requestText(parsed) : nameOf(-answer);
    if (got === expectedText(expected) && (answer < 0 || answer === bytes.length)) continue;
    assert.fail(`${printable(bytes, 300)}\n${delivery.name}: wanted ${expectedText(expected)}, got ${got} (${answer})`);
  }
}

function checkResponse(head: string | Uint8Array, expected: Expected): void {
  const bytes = typeof head === "string" ? wire(head) : head;
  for (const delivery of deliveriesOf(bytes, NEXT_RESPONSE)) {
    const { answer, head: parsed } = feedResponseHead(delivery, RESPONSE_BOUNDS);
    const got = answer > 0 ? responseText(parsed) : nameOf(-answer);
    if (got === expectedText(expected) && (answer < 0 || answer === bytes.length)) continue;
    assert.fail(`${printable(bytes, 300)}\n${delivery.name}: wanted ${expectedText(expected)}, got ${got} (${answer})`);
  }
}

const nameOf = (refusal: number): string => (refusal === 0 ? "incomplete" : clientRefusal(-refusal).code.slice(7));
const expectedText = (expected: Expected): string => (typeof expected === "number" ? nameOf(expected) : expected);

const BARE_LF = refuse.BARE_LF;
const BARE_CR = refuse.BARE_CR;

describe("parseRequestHead", () => {
  it("reads line and fields, order, case and duplicates as sent", () => {
    checkRequest("GET / HTTP/1.1\n\n", "GET|/|/||1.1");
    checkRequest("GET /a/b?c=d&e HTTP/1.1\nHost: a\n\n", "GET|/a/b?c=d&e|/a/b|c=d&e|1.1\nHost=a");
    checkRequest("POST /? HTTP/1.0\nhOsT: a\nX: 1\nx: 2\nX:3\n\n", "POST|/?|/||1.0\nhOsT=a\nX=1\nx=2\nX=3");
    checkRequest("OPTIONS * HTTP/1.1\nHost: a\n\n", "OPTIONS|*|*||1.1\nHost=a");
    checkRequest("M-SEARCH /a HTTP/1.1\n\n", "M-SEARCH|/a|/a||1.1");
    checkRequest("get / HTTP/1.1\n\n", "get|/|/||1.1");
    checkRequest("GET http://a:1/b?c HTTP/1.1\n\n", "GET|http://a:1/b?c|http://a:1/b|c|1.1");
    checkRequest("CONNECT a:443 HTTP/1.1\n\n", "CONNECT|a:443|a:443||1.1");
  });

  it("cuts SP and HTAB around values, and nothing else (L14)", () => {
    checkRequest("GET / HTTP/1.1\nA:\nB: \nC:\\t \\t\nD: \\td\\t \n\n", "GET|/|/||1.1\nA=\nB=\nC=\nD=d");
    checkRequest("GET / HTTP/1.1\nA: a  b\\tc\n\n", "GET|/|/||1.1\nA=a  b\tc");
    checkRequest("GET / HTTP/1.1\nA: \\xa0a\\x85\n\n", "GET|/|/||1.1\nA=\xa0a\x85");
    checkRequest("GET / HTTP/1.1\nA: \\x0ba\n\n", refuse.BAD_FIELD_VALUE);
    checkRequest("GET / HTTP/1.1\nA: a\\x0c\n\n", refuse.BAD_FIELD_VALUE);
  });

  it("refuses lines that don't end with CR LF (L01, L02, L03)", () => {
    checkRequest("GET / HTTP/1.1\\nHost: a\\n\\n", BARE_LF);
    checkRequest("GET / HTTP/1.1\nHost: a\\nX: b\n\n", BARE_LF);
    checkRequest("GET / HTTP/1.1\nHost: a\n\\n", BARE_LF);
    checkRequest("GET / HTTP/1.1\nHost\\n: a\n\n", BARE_LF);
    checkRequest("GET / HTTP/1.1\nHost:\\n a\n\n", BARE_LF);
    checkRequest("GET /\\n HTTP/1.1\nHost: a\n\n", BARE_LF);
    checkRequest("GET / HTTP/1.1\nX: a\\rb\n\n", BARE_CR);
    checkRequest("GET / HTTP/1.1\nX: a\\r\n\n", BARE_CR);
    checkRequest("GET / HTTP/1.1\nHost: a\n\\rZ\n\n", BARE_CR);
    checkRequest("GET / HTTP/1.1\\rHost: a\n\n", BARE_CR);
    checkRequest("\\rGET / HTTP/1.1\nHost: a\n\n", BARE_CR);
    checkRequest("GET / HTTP/1.1\nX\\r: a\n\n", refuse.NO_COLON);
    checkRequest("GET /\\r HTTP/1.1\n\n", refuse.BAD_TARGET);
  });

  it("refuses every control character but HTAB in a value, and passes every other byte (L04, L05, L06)", () => {
    for (let code = 0; code < 256; code++) {
      const byte = String.fromCharCode(code);
      const bytes = bytesOfText(`GET / HTTP/1.1\r\nX: a${byte}b\r\n\r\n`);
      const isControl = (code < 0x20 && code !== 9) || code === 0x7f;
      const why = code === 10 ? BARE_LF : code === 13 ? BARE_CR : refuse.BAD_FIELD_VALUE;
      checkRequest(bytes, isControl ? why : `GET|/|/||1.1\nX=a${byte}b`);
    }
  });

  it("refuses every byte in a name that is no token (L09, L12)", () => {
    for (let code = 0; code < 256; code++) {
      const byte = String.fromCharCode(code);
      const isToken = /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(byte);
      const inside = bytesOfText(`GET / HTTP/1.1\r\nX${byte}Y: a\r\n\r\n`);
      if (isToken) checkRequest(inside, `GET|/|/||1.1\nX${byte}Y=a`);
      else if (byte === ":") checkRequest(inside, "GET|/|/||1.1\nX=Y: a");
      else if (byte === " " || byte === "\t") checkRequest(inside, refuse.SPACE_BEFORE_COLON);
      else if (byte === "\r") checkRequest(inside, refuse.NO_COLON);
      else checkRequest(inside, byte === "\n" ? BARE_LF : refuse.BAD_FIELD_NAME);
    }
  });

  it("refuses lines that are no field lines (L07, L08, L09, L10, L11, L13)", () => {
    checkRequest("GET / HTTP/1.1\nX: a\n b\n\n", refuse.FOLDED_LINE);
    checkRequest("GET / HTTP/1.1\nX: a\n\\tb\n\n", refuse.FOLDED_LINE);
    checkRequest("GET / HTTP/1.1\n Host: a\n\n", refuse.FOLDED_LINE);
    checkRequest("GET / HTTP/1.1\nContent-Length : 5\n\n", refuse.SPACE_BEFORE_COLON);
    checkRequest("GET / HTTP/1.1\nHost\\t: a\n\n", refuse.SPACE_BEFORE_COLON);
    checkRequest("GET / HTTP/1.1\nContent-Length 10\n\n", refuse.SPACE_BEFORE_COLON);
    checkRequest("GET / HTTP/1.1\nContent-Length\n\n", refuse.NO_COLON);
    checkRequest("GET / HTTP/1.1\n: x\n\n", refuse.BAD_FIELD_NAME);
    checkRequest("GET / HTTP/1.1\n:\n\n", refuse.BAD_FIELD_NAME);
    checkRequest("GET / HTTP/1.1\nTransfer-\nEncoding: chunked\n\n", refuse.NO_COLON);
    checkRequest("GET / HTTP/1.1\nTransfer\\xadEncoding: chunked\n\n", refuse.BAD_FIELD_NAME);
  });

  it("refuses what is no method (L15)", () => {
    checkRequest("G=: / HTTP/1.1\n\n", refuse.BAD_METHOD);
    checkRequest("GET\\0 / HTTP/1.1\n\n", refuse.BAD_METHOD);
    checkRequest("GET\\t/ HTTP/1.1\n\n", refuse.BAD_METHOD);
    checkRequest(" GET / HTTP/1.1\n\n", refuse.BAD_METHOD);
    checkRequest("\\x80 / HTTP/1.1\n\n", refuse.BAD_REQUEST_LINE);
    checkRequest("GET\n\n", refuse.BAD_METHOD);
  });

  it("refuses request lines with spaces too many or parts too few (L16)", () => {
    checkRequest("GET  / HTTP/1.1\n\n", refuse.BAD_REQUEST_LINE);
    checkRequest("GET / HTTP/1.1 \n\n", refuse.BAD_REQUEST_LINE);
    checkRequest("GET /  HTTP/1.1\n\n", refuse.BAD_VERSION);
    checkRequest("GET /a b HTTP/1.1\n\n", refuse.BAD_VERSION);
    checkRequest("GET /\n\n", refuse.BAD_TARGET);
    checkRequest("GET / \n\n", refuse.BAD_VERSION);
    checkRequest("GET \n\n", refuse.BAD_TARGET);
  });

  it("speaks 1.0 and 1.1 only (L17, L18)", () => {
    for (const version of ["HTTP/1.2", "http/1.1", "RTSP/1.0", "HTTP/0.9", "HTTP/2.1", "HTTP/1,1", "HTTP/\\r\\r1.1"]) {
      checkRequest(`GET / ${version}\n\n`, refuse.BAD_VERSION);
    }
    for (const version of ["HTTP/11.1", "HTTP/4294967295.255", "HTTP/ 1.1", "H", "HTTP/1."]) {
      checkRequest(`GET / ${version}\n\n`, refuse.BAD_VERSION);
    }
    checkRequest("GET / HTTP/1.10\n\n", refuse.BAD_REQUEST_LINE);
    checkRequest("GET / HTTP/2.0\n\n", refuse.UNSUPPORTED_VERSION);
    checkRequest("GET / HTTP/3.0\n\n", refuse.UNSUPPORTED_VERSION);
    checkRequest("PRI * HTTP/2.0\n\nSM\n\n", refuse.BAD_REQUEST_LINE);
  });

  it("takes in a path what RFC 3986 has and browsers send, in a query all that is visible (T11, T12)", () => {
    for (let code = 0; code < 256; code++) {
      const byte = String.fromCharCode(code);
      const inPath = bytesOfText(`GET /a${byte}b HTTP/1.1\r\n\r\n`);
      const inQuery = bytesOfText(`GET /?a${byte}b HTTP/1.1\r\n\r\n`);
      if (/[!$%&'()*+,\-./:;=@[\]^_|~0-9A-Za-z]/.test(byte)) checkRequest(inPath, `GET|/a${byte}b|/a${byte}b||1.1`);
      else if (byte === "?") checkRequest(inPath, "GET|/a?b|/a|b|1.1");
      else if (byte === " ") checkRequest(inPath, refuse.BAD_VERSION);
      else checkRequest(inPath, byte === "\n" ? BARE_LF : refuse.BAD_TARGET);
      if (code > 0x20 && code < 0x7f && byte !== "#") checkRequest(inQuery, `GET|/?a${byte}b|/|a${byte}b|1.1`);
      else if (byte === " ") checkRequest(inQuery, refuse.BAD_VERSION);
      else checkRequest(inQuery, byte === "\n" ? BARE_LF : refuse.BAD_TARGET);
    }
  });

  it("notes which paths can be read in two ways", () => {
    const check = (target: string, isPlain: boolean): void => {
      for (const delivery of deliveriesOf(wire(`GET ${target} HTTP/1.1\n\n`), NEXT)) {
        assert.equal(feedRequestHead(delivery).head.pathIsPlain, isPlain, target);
      }
    };
    for (const target of ["/", "/a/b.c", "/a?b=%20;//", "*", "/a-.b", "/a./b"]) check(target, true);
    for (const target of ["/%41", "/a;b", "//a", "/a//b", "/.", "/a/../b", "/.git"]) check(target, false);
  });

  it("is incomplete until its last byte", () => {
    const bytes = wire("\n\nPOST /a?b HTTP/1.1\nHost: a\nX:\n\n");
    for (let end = 1; end < bytes.length; end++) {
      assert.equal(parseRequestHead(new RequestHead(), bytes, 0, end, REQUEST_BOUNDS), INCOMPLETE, `${end} bytes`);
    }
  });

  it("starts afresh with a cleared head", () => {
    const head = new RequestHead();
    const first = wire("\nPOST http://a/%?x HTTP/1.0\nHost: a\nHost: b\n\n");
    assert.equal(parseRequestHead(head, first, 0, first.length, REQUEST_BOUNDS), first.length);
    head.clear();
    const second = wire("GET / HTTP/1.1\nX: 1\n\n");
    assert.equal(parseRequestHead(head, second, 0, second.length, REQUEST_BOUNDS), second.length);
    const fresh = new RequestHead();
    parseRequestHead(fresh, second, 0, second.length, REQUEST_BOUNDS);
    assert.equal(requestText(head), requestText(fresh));
    assert.equal(head.pathIsPlain, true);
    assert.equal(head.queryStart, -1);
  });
});

describe("parseRequestHead at its limits", () => {
  const letters = (count: number): string => "a".repeat(count);
  const ok = "GET|";

  function checkLimit(text: (n: number) => string, limit: number, refused: number): void {
    for (const n of [limit - 1, limit, limit + 1]) {
      const bytes = wire(text(n));
      for (const delivery of deliveriesOf(bytes, NEXT)) {
        const { answer, head } = feedRequestHead(delivery);
        const got = answer > 0 ? requestText(head).slice(0, 4) : nameOf(-answer);
        if (n <= limit) assert.equal(answer, bytes.length, `${n} of ${limit}, ${delivery.name}: ${got}`);
        assert.equal(got === ok || n > limit ? got : ok, n > limit ? nameOf(refused) : got, `${n}, ${delivery.name}`);
      }
    }
  }

  it("takes a target of 16 KiB, more is 414 (L20)", () => {
    const { targetBytesMax } = DEFAULT_LIMITS;
    checkLimit((n) => `GET /${letters(n - 1)} HTTP/1.1\n\n`, targetBytesMax, refuse.TARGET_TOO_LONG);
    checkLimit((n) => `GET /?${letters(n - 2)} HTTP/1.1\n\n`, targetBytesMax, refuse.TARGET_TOO_LONG);
  });

  it("takes the longest target with the longest method behind the most empty lines", () => {
    const line = `${letters(METHOD_BYTES_MAX)} /${letters(DEFAULT_LIMITS.targetBytesMax - 1)} HTTP/1.1\n\n`;
    const bytes = wire("\n".repeat(LEADING_EMPTY_LINES_MAX) + line);
    for (const delivery of deliveriesOf(bytes, NEXT)) {
      assert.equal(feedRequestHead(delivery).answer, bytes.length, delivery.name);
    }
  });

  it("does not wait for the end of a target without end", () => {
    const { targetBytesMax } = DEFAULT_LIMITS;
    const bytes = wire(`GET /${letters(targetBytesMax + 200)}`);
    for (const delivery of deliveriesOf(bytes, new Uint8Array(0))) {
      assert.equal(nameOf(-feedRequestHead(delivery).answer), "target-too-long", delivery.name);
    }
  });

  it("takes a head of 32 KiB, more is 431 (L20)", () => {
    const { requestHeadBytesMax } = DEFAULT_LIMITS;
    const empty = wire("GET / HTTP/1.1\nX: \n\n").length;
    checkLimit((n) => `GET / HTTP/1.1\nX: ${letters(n - empty)}\n\n`, requestHeadBytesMax, refuse.HEAD_TOO_LARGE);
  });

  it("does not wait for the end of a head without end", () => {
    const bytes = wire(`GET / HTTP/1.1\nX: ${letters(DEFAULT_LIMITS.requestHeadBytesMax)}`);
    for (const delivery of deliveriesOf(bytes, new Uint8Array(0))) {
      assert.equal(nameOf(-feedRequestHead(delivery).answer), "head-too-large", delivery.name);
    }
  });

  it("takes 100 fields, more is 431 (L20)", () => {
    const text = (n: number): string => `GET / HTTP/1.1\n${"Cookie: a=b\n".repeat(n)}\n`;
    checkLimit(text, DEFAULT_LIMITS.requestFieldsMax, refuse.TOO_MANY_FIELDS);
  });

  it("takes a name of 256 bytes, more is 431 (L20)", () => {
    const text = (n: number): string => `GET / HTTP/1.1\n${letters(n)}: x\n\n`;
    checkLimit(text, DEFAULT_LIMITS.fieldNameBytesMax, refuse.NAME_TOO_LONG);
  });

  it("takes a method of 64 bytes, more is 400", () => {
    const bytes = (n: number): Uint8Array => wire(`${letters(n)} / HTTP/1.1\n\n`);
    checkRequest(bytes(METHOD_BYTES_MAX - 1), `${letters(METHOD_BYTES_MAX - 1)}|/|/||1.1`);
    checkRequest(bytes(METHOD_BYTES_MAX), `${letters(METHOD_BYTES_MAX)}|/|/||1.1`);
    checkRequest(bytes(METHOD_BYTES_MAX + 1), refuse.BAD_METHOD);
  });

  it("skips 8 empty lines, more is 400 (L19)", () => {
    checkLimit((n) => `${"\n".repeat(n)}GET / HTTP/1.1\n\n`, LEADING_EMPTY_LINES_MAX, refuse.TOO_MANY_EMPTY_LINES);
    checkRequest("\n".repeat(1_000), refuse.TOO_MANY_EMPTY_LINES);
    checkRequest("\\nGET / HTTP/1.1\n\n", BARE_LF);
  });
});

describe("parseResponseHead", () => {
  it("reads line and fields", () => {
    checkResponse("HTTP/1.1 200 OK\nA: b\na: c\n\n", "1.1|200|OK\nA=b\na=c");
    checkResponse("HTTP/1.0 404 Not \\xe9 found\n\n", "1.0|404|Not \xe9 found");
    checkResponse("HTTP/1.1 200 \n\n", "1.1|200|");
    checkResponse("HTTP/1.1 200\n\n", "1.1|200|");
    checkResponse("HTTP/1.1 999 \\t x\n\n", "1.1|999|\t x");
    checkResponse("HTTP/1.1 100 Continue\n\n", "1.1|100|Continue");
  });

  it("cuts white space before the colon, as RFC 9112 section 5.1 asks for responses", () => {
    checkResponse("HTTP/1.1 200 OK\nA : b\nC \\t: d\n\n", "1.1|200|OK\nA=b\nC=d");
    checkResponse("HTTP/1.1 200 OK\nA b\n\n", refuse.BAD_FIELD_NAME);
  });

  it("refuses status lines of any other form", () => {
    for (const line of [
      "HTTP/1.1 20 OK",
      "HTTP/1.1 2000 OK",
      "HTTP/1.1 099 OK",
      "HTTP/1.1 000 OK",
      "HTTP/1.1  200 OK",
      "HTTP/1.1 2x0 OK",
      "HTTP/1.1 +20 OK",
      "HTTP/1.1\\t200 OK",
      "HTTP/1.1 200OK",
      "HTTP/1.2 200 OK",
      "HTTP/2.0 200 OK",
      "HTTP/2 200",
      "http/1.1 200 OK",
      "ICY 200 OK",
      "HTTP/1.1",
      "HTTP/1.1 ",
      "200 OK",
      "HTTP/1.1 200 O\\0K",
      "HTTP/1.1 200 O\\x7fK",
      "HTTP/1.1 200 O\\rK",
      "HTTP/1.1 200 OK\\nA: b",
      " HTTP/1.1 200 OK",
      "",
    ]) {
      checkResponse(`${line}\n\n`, refuse.BAD_STATUS_LINE);
    }
  });

  it("refuses fields as it does in requests", () => {
    checkResponse("HTTP/1.1 200 OK\nA: b\n c\n\n", refuse.FOLDED_LINE);
    checkResponse("HTTP/1.1 200 OK\n: b\n\n", refuse.BAD_FIELD_NAME);
    checkResponse("HTTP/1.1 200 OK\nA\n\n", refuse.NO_COLON);
    checkResponse("HTTP/1.1 200 OK\nA: b\\nB: c\n\n", BARE_LF);
    checkResponse("HTTP/1.1 200 OK\nA: b\\rB: c\n\n", BARE_CR);
    checkResponse("HTTP/1.1 200 OK\nA: b\\0\n\n", refuse.BAD_FIELD_VALUE);
  });

  it("takes 64 KiB, 200 fields and names of 256 bytes", () => {
    const check = (text: string, expected: number): void => {
      const bytes = wire(text);
      for (const delivery of deliveriesOf(bytes, NEXT_RESPONSE)) {
        const { answer } = feedResponseHead(delivery);
        assert.equal(answer > 0 ? 0 : -answer, expected, delivery.name);
      }
    };
    const { responseHeadBytesMax, responseFieldsMax, fieldNameBytesMax } = DEFAULT_LIMITS;
    const rest = wire("HTTP/1.1 200 OK\nX: \n\n").length;
    for (const n of [-1, 0, 1]) {
      const isOver = n === 1;
      const value = "a".repeat(responseHeadBytesMax + n - rest);
      check(`HTTP/1.1 200 OK\nX: ${value}\n\n`, isOver ? refuse.HEAD_TOO_LARGE : 0);
      const fields = "A: b\n".repeat(responseFieldsMax + n);
      check(`HTTP/1.1 200 OK\n${fields}\n`, isOver ? refuse.TOO_MANY_FIELDS : 0);
      const name = "a".repeat(fieldNameBytesMax + n);
      check(`HTTP/1.1 200 OK\n${name}: b\n\n`, isOver ? refuse.NAME_TOO_LONG : 0);
    }
  });
});

describe("parsing heads in pieces", () => {
  /** Counts the bytes a parser looks at. */
  function looks(message: Uint8Array, parse: (bytes: Uint8Array, end: number) => number): number {
    let count = 0;
    const counting = new Proxy(message, {
      get(target, key) {
        count++;
        return Reflect.get(target, key, target);
      },
    });
    for (let end = 1; end <= message.length; end++) if (parse(counting, end) !== INCOMPLETE) return count;
    return count;
  }

  it("looks at each byte a few times, however they come", () => {
    const check = (text: string): void => {
      const message = wire(text);
      const head = new RequestHead();
      const count = looks(message, (bytes, end) => parseRequestHead(head, bytes, 0, end, REQUEST_BOUNDS));
      assert.equal(head.fields.count > 0, true);
      assert.ok(count < message.length * 8, `${count} looks at ${message.length} bytes of ${text.slice(0, 40)}`);
    };
    check(`GET /${"a".repeat(16_000)} HTTP/1.1\nHost: a\n\n`);
    check(`GET / HTTP/1.1\nX: ${"a".repeat(32_000)}\n\n`);
    check(`GET / HTTP/1.1\n${`X: ${"a".repeat(300)}\n`.repeat(100)}\n`);
    check(`GET / HTTP/1.1\n${`${"N".repeat(256)}: a\n`.repeat(100)}\n`);
    check(`GET / HTTP/1.1\n${"X:\n".repeat(100)}\n`);
    check(`GET / HTTP/1.1\nX:${" ".repeat(32_000)}\n\n`);
  });

  it("does so for responses, too", () => {
    const message = wire(`HTTP/1.1 200 ${"r".repeat(16_000)}\nX: ${"a".repeat(48_000)}\n\n`);
    const head = new ResponseHead();
    const count = looks(message, (bytes, end) => parseResponseHead(head, bytes, 0, end, RESPONSE_BOUNDS));
    assert.equal(head.fields.count, 1);
    assert.ok(count < message.length * 8, `${count} looks at ${message.length} bytes`);
  });

  it("reads heads made at random as they were made, in any two cuts", () => {
    const tokens = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const token = fc.string({ unit: fc.constantFrom(...tokens), minLength: 1, maxLength: 20 });
    const inValue = fc.integer({ min: 0x21, max: 0xff }).filter((code) => code !== 0x7f);
    const word = fc.array(inValue, { minLength: 1, maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
    const value = fc.array(word, { maxLength: 4 }).map((words) => words.join(" \t"));
    const space = fc.constantFrom("", " ", "\t", "  \t");
    const field = fc.tuple(token, space, value, space);
    alwaysHolds(
      fc.property(fc.array(field, { maxLength: 30 }), fc.nat(), fc.nat(), (fields, one, other) => {
        const lines = fields.map(([name, before, text, after]) => `${name}:${before}${text}${after}\r\n`).join("");
        const bytes = bytesOfText(`GET / HTTP/1.1\r\n${lines}\r\n`);
        const [first, second] = [one % bytes.length, other % bytes.length].sort((a, b) => a - b) as [number, number];
        const pieces = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
        const { answer, head } = feedRequestHead({ name: "", pieces, before: 0 });
        assert.equal(answer, bytes.length);
        assert.equal(requestText(head), ["GET|/|/||1.1", ...fields.map(([n, , v]) => `${n}=${v}`)].join("\n"));
      }),
      300,
    );
  });
});

describe("parseFields", () => {
  it("goes on where it stopped, with a list of its own", () => {
    const bytes = wire("A: 1\nB: 2\n\nrest");
    const fields = new FieldList();
    const progress = new ParseProgress();
    fields.bytes = bytes;
    const bounds = { ...REQUEST_BOUNDS, fieldsMax: 2 };
    assert.equal(parseFields(fields, progress, 0, 9, bounds, false), INCOMPLETE);
    assert.equal(progress.lineStart, 6);
    assert.equal(parseFields(fields, progress, progress.lineStart, bytes.length, bounds, false), 14);
    assert.deepEqual(linesOf(fields), ["A=1", "B=2"]);
  });
});
