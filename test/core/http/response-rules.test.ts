import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { METHOD_GET } from "../../../core/http/message.ts";
import { checkResponse } from "../../../core/http/response-rules.ts";
import { responseHead } from "./heads.ts";

describe("the rules of a response", () => {
  for (const [text, keepsAlive] of [
    ["HTTP/1.1 200 OK\nContent-Length: 1", true],
    ["HTTP/1.1 200 OK\nContent-Length: 1\nConnection: close", false],
    ["HTTP/1.1 200 OK\nContent-Length: 1\nConnection: keep-alive", true],
    ["HTTP/1.0 200 OK\nContent-Length: 1", false],
    ["HTTP/1.0 200 OK\nContent-Length: 1\nConnection: keep-alive", true],
    ["HTTP/1.1 200 OK", false],
    ["HTTP/1.1 204 No Content", true],
    ["HTTP/1.1 204 No Content\nContent-Length: 0", true],
    ["HTTP/1.1 204 No Content\nContent-Length: 44", false],
    ["HTTP/1.1 204 No Content\nTransfer-Encoding: chunked", false],
    ["HTTP/1.1 304 Not Modified\nContent-Length: 44", true],
    ["HTTP/1.1 205 Reset Content\nContent-Length: 0", true],
    ["HTTP/1.1 205 Reset Content\nTransfer-Encoding: chunked", true],
    ["HTTP/1.1 205 Reset Content", false],
  ] as const) {
    it(`say whether the connection goes on: ${text.replaceAll("\n", ", ")}`, () => {
      const head = responseHead(text);
      assert.equal(checkResponse(head, METHOD_GET), 0);
      assert.equal(head.keepsAlive, keepsAlive);
    });
  }

  for (const text of [
    "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2",
    "HTTP/1.1 200 OK\nContent-Length: 1\nConnection: content-length",
  ]) {
    it(`refuse ${text.replaceAll("\n", ", ")}`, () => {
      assert.ok(checkResponse(responseHead(text), METHOD_GET) < 0);
    });
  }
});
