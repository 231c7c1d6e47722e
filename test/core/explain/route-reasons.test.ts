import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { pathText, rejectedRoutes } from "../../../core/explain/route-reasons.ts";
import type { RouteRequest } from "../../../core/route/route.ts";
import { snapshotOf } from "./config.ts";

const request: RouteRequest = {
  host: "a.example",
  method: "GET",
  path: "/api/x",
  query: "",
  pathIsPlain: true,
  clientAddress: "192.0.2.1",
  listener: ":80",
  header: (name) => (name === "authorization" ? "Bearer canary" : null),
};

describe("why routes were not taken", () => {
  it("is nothing about the one that comes before", () => {
    const rejected = rejectedRoutes(snapshotOf().table, "old", request);
    assert.deepEqual(rejected.find(({ id }) => id === "api")?.failing, []);
    assert.ok(!rejected.some(({ id }) => id === "old"));
  });

  it("does not show values of headers, which may be secrets", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      routes: [{ id: "r", match: { header: { Authorization: "x" } }, respond: {} }],
    });
    const text = JSON.stringify(rejectedRoutes(snapshot.table, "", request));
    assert.match(text, /got another value/);
    assert.doesNotMatch(text, /canary/);
  });

  it("writes paths as the configuration does", () => {
    assert.deepEqual(
      [
        pathText({ kind: "exact", path: "/a" }),
        pathText({ kind: "prefix", prefix: "/" }),
        pathText({ kind: "prefix", prefix: "/a" }),
        pathText({ kind: "parameters", pattern: "/a/:b" }),
        pathText({ kind: "regex", source: "^/x" }),
      ],
      ["/a", "/*", "/a/*", "/a/:b", "matching ^/x"],
    );
  });

  it("is found for ten thousand sites at once", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      routes: Array.from({ length: 10_000 }, (_, i) => ({
        id: `s${i}`,
        match: { host: `s${i}.example` },
        respond: {},
      })),
    });
    const rejected = rejectedRoutes(snapshot.table, "s7", { ...request, host: "s7.example" });
    assert.equal(rejected.length, 9_999);
  });
});
