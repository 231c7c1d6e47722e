import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { makeRequest, mayHaveBody, saysItsLength } from "../../../core/script/make-request.ts";
import { sent } from "./streams.ts";

const parts = {
  method: "POST",
  headers: new Headers({ "x-a": "1" }),
  body: null,
  signal: new AbortController().signal,
};

describe("a Request from the wire", () => {
  it("has its parts", async () => {
    const { stream, controller } = sent();
    controller.enqueue(new TextEncoder().encode("hello"));
    controller.close();
    const request = makeRequest({ ...parts, url: "http://a:81/x%2Fy?q=1", body: stream });
    assert.ok(typeof request !== "string");
    assert.equal(request.url, "http://a:81/x%2Fy?q=1");
    assert.equal(request.method, "POST");
    assert.equal(request.headers.get("x-a"), "1");
    assert.equal(await request.text(), "hello");
  });

  it("is none where the Web's kind has no place for it", () => {
    assert.equal(makeRequest({ ...parts, url: "http://1.2.3.4.5/" }), "host");
    assert.equal(makeRequest({ ...parts, url: "http://a/", method: "TRACK" }), "method");
    for (const method of ["FOO", "PROPFIND"]) {
      const made = makeRequest({ ...parts, url: "http://a/", method });
      if (typeof made === "string") assert.equal(made, "method");
      else assert.equal(made.method, method, "never another one");
    }
    assert.ok(["PATCH", "post", "GETS"].every(mayHaveBody));
    assert.ok(!["GET", "HEAD"].some(mayHaveBody));
    assert.ok(["POST", "PUT", "PATCH"].every(saysItsLength));
    assert.ok(!["GET", "DELETE", "OPTIONS"].some(saysItsLength));
  });

  it("is none where it would have another method than routes and hooks have seen", () => {
    for (const method of ["get", "Delete", "oPTIONS", "head", "post", "put"])
      assert.equal(makeRequest({ ...parts, url: "http://a/", method }), "method");
  });

  it("is none where a URL would make another host of the one that routes and hooks have seen", () => {
    for (const host of ["1.2.3", "127.1:80", "0x7f.0.0.1", "2130706433", "010.0.0.1"])
      assert.equal(makeRequest({ ...parts, url: `http://${host}/` }), "host", host);
    for (const host of [
      "1.2.3.4",
      "1.2.3.4:80",
      "1.2.3.4.",
      "A.Example:80",
      "[::1]:81",
      "[0:0::1]",
      "1.example",
      "3com",
    ])
      assert.ok(typeof makeRequest({ ...parts, url: `https://${host}/` }) !== "string", host);
  });
});
