import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type HashPart, hashKeyOf } from "../../../core/upstream/hash-key.ts";
import { requestOf } from "./definitions.ts";

describe("what a request hashes by", () => {
  const headers: Record<string, string> = { "x-user": "7", cookie: "a=1; session=abc" };
  const request = requestOf({
    path: "/a/b",
    query: "x=1&id=a%20b&id=c",
    host: "example.com",
    clientAddress: "192.0.2.1",
    header: (name) => headers[name] ?? null,
  });
  const check = (part: HashPart, expected: string): void => assert.equal(hashKeyOf(part, request), expected);

  it("is the part that is configured", () => {
    check({ kind: "header", name: "x-user" }, "7");
    check({ kind: "cookie", name: "session" }, "abc");
    check({ kind: "query", name: "id" }, "a b");
    check({ kind: "path" }, "/a/b");
    check({ kind: "host" }, "example.com");
    check({ kind: "client-address" }, "192.0.2.1");
  });

  it("is empty when the request lacks it", () => {
    check({ kind: "header", name: "x-other" }, "");
    check({ kind: "cookie", name: "other" }, "");
    check({ kind: "query", name: "other" }, "");
  });
});
