import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../../core/bytes/text.ts";
import { isGoodbye } from "../../../core/h1/goodbye.ts";

describe("what comes on a connection that rests", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ["HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", true],
    ["HTTP/1.0 408 Request Time-out\r\n\r\n", true],
    ["HTTP/1.1 408", true],
    ["HTTP/1.1 40", false],
    ["HTTP/1.1 200 OK\r\n\r\n", false],
    ["<html>408</html>", false],
    ["", false],
  ];
  for (const [text, isOne] of cases) {
    it(`is ${isOne ? "a" : "no"} goodbye: ${JSON.stringify(text.slice(0, 20))}`, () => {
      const bytes = bytesOf(`abc${text}HTTP/1.1 408`);
      assert.equal(isGoodbye(bytes, 3, 3 + text.length), isOne);
    });
  }
});
