import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { seeRequests, seeResponses } from "../../testing/reference-parser.ts";
import { textOfBytes, wire } from "../../testing/wire.ts";

const see = (template: string) => seeRequests(textOfBytes(wire(template)));

describe("seeRequests", () => {
  it("reads what it should, message by message", () => {
    const seen = see(
      "POST /a HTTP/1.1\nHost: h\nContent-Length: 5\n\nhelloGET /b HTTP/1.1\nhOsT: h\n\n" +
        "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\na\n0123456789\n0\nX-T: 1\n\nGET /d",
    );
    assert.equal(seen.error, null);
    assert.equal(seen.rest, "GET /d");
    assert.deepEqual(
      seen.messages.map(({ method, target, body, framing }) => [method, target, body, framing]),
      [
        ["POST", "/a", "hello", "length"],
        ["GET", "/b", "", "none"],
        ["POST", "/c", "abc0123456789", "chunked"],
      ],
    );
    assert.deepEqual(seen.messages[2]?.trailers, [["X-T", "1"]]);
    assert.deepEqual(seen.messages[2]?.chunkSizes, [3, 10]);
  });

  it("finds incomplete messages incomplete at every byte", () => {
    const whole = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (let length = 0; length < whole.length; length++) {
      const seen = seeRequests(whole.slice(0, length));
      assert.deepEqual([seen.messages.length, seen.error], [0, null], `${length} bytes`);
    }
    assert.equal(seeRequests(whole).messages.length, 1);
  });

  it("calls everything else an error", () => {
    const host = "Host: h\n";
    for (const wrong of [
      "GET  / HTTP/1.1\nHost: h\n\n",
      "GET / HTTP/1.2\nHost: h\n\n",
      "GET /\\x80 HTTP/1.1\nHost: h\n\n",
      "\nGET / HTTP/1.1\nHost: h\n\n",
      "GET / HTTP/1.1\n\n",
      `GET / HTTP/1.1\n${host}${host}\n`,
      `GET / HTTP/1.1\n${host}X : 1\n\n`,
      `GET / HTTP/1.1\n${host}X: a\\nY: b\n\n`,
      `GET / HTTP/1.1\n${host}X: a\n b\n\n`,
      `GET / HTTP/1.1\n${host}X: \\x00\n\n`,
      `GET / HTTP/1.1\n${host}: x\n\n`,
      `POST / HTTP/1.1\n${host}Content-Length: 010\n\n`,
      `POST / HTTP/1.1\n${host}Content-Length: 1\nContent-Length: 1\n\na`,
      `POST / HTTP/1.1\n${host}Content-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n`,
      `POST / HTTP/1.1\n${host}Transfer-Encoding: Chunked\n\n0\n\n`,
      "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n",
      `POST / HTTP/1.1\n${host}Transfer-Encoding: chunked\n\n1;a=b\nx\n0\n\n`,
      `POST / HTTP/1.1\n${host}Transfer-Encoding: chunked\n\n1\nxXX0\n\n`,
      `POST / HTTP/1.1\n${host}Transfer-Encoding: chunked\n\n0x1\nx\n0\n\n`,
      `POST / HTTP/1.1\n${host}Transfer-Encoding: chunked\n\n0\nX Y: 1\n\n`,
    ]) {
      const seen = see(wrong);
      assert.equal(seen.messages.length, 0, wrong);
      assert.notEqual(seen.error, null, wrong);
    }
  });
});

describe("seeResponses", () => {
  const seeReplies = (template: string, methods: string[], hasEnded = false) =>
    seeResponses(textOfBytes(wire(template)), methods, hasEnded);

  it("knows which responses have no body", () => {
    const seen = seeReplies(
      "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nHTTP/1.1 204 No Content\n\n" +
        "HTTP/1.1 304 Not Modified\nContent-Length: 9\n\nHTTP/1.1 200 \nContent-Length: 2\n\nok",
      ["HEAD", "GET", "GET", "GET"],
    );
    assert.equal(seen.error, null);
    assert.deepEqual(
      seen.messages.map(({ status, body }) => [status, body]),
      [
        [100, ""],
        [200, ""],
        [204, ""],
        [304, ""],
        [200, "ok"],
      ],
    );
  });

  it("completes a body without a length only at the end", () => {
    assert.equal(seeReplies("HTTP/1.1 200 OK\n\nabc", ["GET"]).messages.length, 0);
    assert.equal(seeReplies("HTTP/1.1 200 OK\n\nabc", ["GET"], true).messages[0]?.body, "abc");
    assert.equal(seeReplies("HTTP/1.1 200 OK\nContent-Length: 4\n\nabc", ["GET"], true).messages.length, 0);
  });

  it("refuses lax status lines", () => {
    for (const line of ["HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/2 200 OK", "ICY 200 OK", "HTTP/1.1 200"]) {
      assert.notEqual(seeReplies(`${line}\nContent-Length: 0\n\n`, ["GET"]).error, null, line);
    }
  });
});
