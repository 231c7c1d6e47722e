import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { clientProblem, headOfRequest, parseRequestLine } from "../../../core/explain/request-line.ts";

describe("a request as a person writes it", () => {
  it("is taken apart, and nothing is normalised", () => {
    assert.deepEqual(parseRequestLine("POST https://a.example:81/x/../y?q=%20"), {
      method: "POST",
      scheme: "https",
      authority: "a.example:81",
      target: "/x/../y?q=%20",
    });
    assert.deepEqual(parseRequestLine("http://a?x"), { method: "GET", scheme: "http", authority: "a", target: "/?x" });
    assert.equal(parseRequestLine("OPTIONS *").target, "*");
    assert.deepEqual(parseRequestLine("HTTPS://A/").scheme, "https");
    assert.throws(() => parseRequestLine("https://a/x#top"), /has a fragment, which is never sent: leave out "#"/);
  });

  it("is refused where it can't be sent", () => {
    for (const line of ["", "GET", "GET http://", "ftp://a/", "GET http://a/ü", "GET http://a/x y", "GET /#x"])
      assert.throws(() => parseRequestLine(line), TypeError, line);
  });

  it("becomes the bytes of a head", () => {
    const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
    const line = parseRequestLine("GET http://a/x");
    assert.equal(text(headOfRequest(line, [["A", "b"]])), "GET /x HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
    assert.equal(
      text(headOfRequest(line, [["host", "c"]], 3)),
      "GET /x HTTP/1.1\r\nhost: c\r\nContent-Length: 3\r\n\r\n",
    );
    assert.throws(() => headOfRequest(line, [["A", "b\nC: d"]]), /line break/);
    assert.throws(() => headOfRequest(line, [["A", "\u20ac"]]), /beyond U\+00FF/);
  });

  it("comes from an address", () => {
    for (const right of ["192.0.2.1", "2001:db8::1", "unix"]) assert.equal(clientProblem(right), null);
    for (const wrong of ["", "a.example", "192.0.2.0/24", "192.0.2.1:80"])
      assert.match(clientProblem(wrong) ?? "", /is no IP address; write one such as/);
  });
});
