import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  fieldName,
  fieldValue,
  hostPattern,
  methodProblem,
  pathPattern,
  pathPrefix,
  redirectTarget,
} from "../../../core/config/route-text.ts";

const rooms: [string, (text: string) => string | null, readonly string[], readonly string[]][] = [
  [
    "hosts",
    hostPattern,
    [
      "example.com",
      "*.example.com",
      "localhost",
      "192.0.2.1",
      "[::1]",
      "a_b.example",
      "example.com.",
      "bücher.example",
    ],
    ["", "*", "_", ".example.com", "a.*.b", "example.com:80", "http://a", "a b", "[::g]", "a..b", "-a", "x\n"],
  ],
  [
    "paths",
    pathPattern,
    ["/", "/old", "/api/*", "/*", "/users/:id", "/users/:id/*", "/a%2Fb", "/a:b", "/a//b", "*"],
    ["", "old", "/a*", "/*/b", "/:", "/:1", "/:a/:a", "/a?b", "/a#b", "/a b", "/ü", "/a/../b", "/a/./b", "/a\n"],
  ],
  ["prefixes", pathPrefix, ["/api", "/api/", "/"], ["", "api", "/api/*", "/a?b", "/.."]],
  ["methods", methodProblem, ["GET", "PURGE", "M-SEARCH"], ["", "get", "G ET", "G\n", "X".repeat(65)]],
  [
    "editable headers",
    fieldName,
    ["X-Request-Id", "authorization", "X_y", "Server"],
    [
      "",
      "a b",
      "Host",
      "content-length",
      "Content_Length",
      "Transfer-Encoding",
      "transfer.encoding",
      "Connection",
      "upgrade",
      "TE",
      "Proxy-Authorization",
      "a:b",
      "ü",
    ],
  ],
  [
    "header values",
    fieldValue,
    ["", "text", "${client.address}", "a\tb", "caf\u00e9"],
    ["a\nb", "a\rb", "a\0", "\u001b[31m", "\u007f", "\u560d\u560a", "\u0100", "😀"],
  ],
  [
    "redirect targets",
    redirectTarget,
    ["/new", "https://example.com/$1?q=1", "/${path.id}"],
    ["", "/a b", "/ü", "/\u760d\u760a", "/a\r\nX: y"],
  ],
];

describe("habits of nginx", () => {
  it("are answered by what is written here", () => {
    assert.equal(hostPattern("_"), "leave `host` out to match every host");
    assert.equal(hostPattern(".example.com"), 'write ["example.com", "*.example.com"]');
    assert.equal(hostPattern("2001:db8::1"), 'write "[2001:db8::1]"');
    const regex = 'a regular expression is written { regex: "^/u/[0-9]+$" }, a prefix "/api/*"';
    for (const text of ["~ ^/a", "~* \\.php$", "^~ /a/", "^/a$"]) assert.equal(pathPattern(text), regex);
  });
});

for (const [name, problem, right, wrong] of rooms) {
  describe(name, () => {
    for (const text of right) it(`may be ${JSON.stringify(text)}`, () => assert.equal(problem(text), null));
    for (const text of wrong) {
      it(`J06: may not be ${JSON.stringify(text).slice(0, 40)}`, () => assert.equal(typeof problem(text), "string"));
    }
  });
}
