import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { formatPath } from "../../../core/config/problem.ts";
import { configPathOf, defineRoute, routeId } from "../../../core/config/route-definition.ts";
import { RouteSchema } from "../../../core/config/route-schema.ts";

const parse = (route: unknown) => v.parse(RouteSchema, route);
const define = (route: unknown) => defineRoute(parse(route), 3, false, () => "");

describe("a route's definition", () => {
  it("has the limits and timeouts that the route itself gives", () => {
    const { limits, timeouts } = define({
      limits: { requestBody: "1MiB" },
      timeouts: { total: "9s" },
      upstream: "app",
    });
    assert.deepEqual([limits, timeouts], [{ requestBodyBytesMax: 1_048_576 }, { totalMs: 9_000 }]);
    const none = define({ upstream: "app" });
    assert.deepEqual([none.limits, none.timeouts], [{}, {}]);
  });

  it("holds every condition", () => {
    const { match } = define({
      match: {
        host: "example.com",
        path: ["/old", "/api/*", "/*", "/users/:id", { regex: "^/x" }],
        method: ["GET", "POST"],
        header: { "X-A": "1", "X-B": true, "X-C": { regex: "y" } },
        query: { q: "1" },
        client: "10.0.0.0/8",
        listener: "public",
        not: { path: "/no" },
      },
      respond: {},
    });
    assert.deepEqual(match.paths, [
      { kind: "exact", path: "/old" },
      { kind: "prefix", prefix: "/api" },
      { kind: "prefix", prefix: "/" },
      { kind: "parameters", pattern: "/users/:id" },
      { kind: "regex", source: "^/x" },
    ]);
    assert.deepEqual(match.headers, [
      { name: "x-a", value: "1", regex: false },
      { name: "x-b", value: null, regex: false },
      { name: "x-c", value: "y", regex: true },
    ]);
    assert.deepEqual(match.query, [{ name: "q", value: "1", regex: false }]);
    assert.deepEqual(
      [match.hosts, match.methods, match.clients, match.listeners],
      [["example.com"], ["GET", "POST"], ["10.0.0.0/8"], ["public"]],
    );
    assert.deepEqual(match.not[0]?.paths, [{ kind: "exact", path: "/no" }]);
  });

  it("holds the action, the rewrite and the edits", () => {
    const route = define({
      rewrite: { stripPrefix: "/api" },
      host: "x",
      request: { set: { A: "1" }, add: { B: ["1", "2"], C: "3" }, remove: "X-Gone" },
      upstream: "app",
      upgrade: false,
    });
    assert.deepEqual(route.action, { kind: "upstream", upstream: "app" });
    assert.deepEqual(route.rewrite, { kind: "stripPrefix", prefix: "/api" });
    assert.deepEqual(route.requestFields, {
      set: [{ name: "A", value: "1" }],
      add: [
        { name: "B", value: "1" },
        { name: "B", value: "2" },
        { name: "C", value: "3" },
      ],
      remove: ["x-gone"],
    });
    assert.equal(route.upgrade, false);
    assert.deepEqual(define({ redirect: { to: "/new" } }).action, { kind: "redirect", to: "/new", status: 302 });
    assert.deepEqual(define({ respond: {} }).action, {
      kind: "respond",
      status: 200,
      body: "",
      contentType: "text/plain; charset=utf-8",
    });
    assert.deepEqual(define({ rewrite: { path: "/x" }, upstream: "a" }).rewrite, { kind: "replace", to: "/x" });
    assert.deepEqual(define({ rewrite: { pattern: { regex: "a", to: "b" } }, upstream: "a" }).rewrite, {
      kind: "pattern",
      regex: "a",
      to: "b",
    });
  });

  it("has an id, given or counted", () => {
    assert.equal(routeId({}, 3), "routes[3]");
    assert.equal(routeId({ id: "a" }, 3), "a");
  });
});

describe("the way back from a definition", () => {
  const route = parse({
    match: { host: ["a", "b"], header: { "X-A": "1", "X-B": "2" } },
    rewrite: { pattern: { regex: "a", to: "b" } },
    request: { add: { B: ["1", "2"], C: "3" } },
    response: { set: { D: "1" } },
    upstream: "app",
  });
  for (const [path, written] of [
    [["match", "hosts", 1], "routes[3].match.host[1]"],
    [["match", "headers", 1], "routes[3].match.header.X-B"],
    [["match", "not", 0, "paths", 1], "routes[3].match.not[0].path[1]"],
    [["rewrite", "to"], "routes[3].rewrite.pattern.to"],
    [["requestFields", "add", 2, "value"], "routes[3].request.add.C"],
    [["responseFields", "set", 0, "name"], "routes[3].response.set.D"],
    [["host"], "routes[3].host"],
    [["action", "to"], "routes[3].redirect.to"],
  ] as const) {
    it(`finds ${written}`, () => assert.equal(formatPath(configPathOf(route, 3, path)), written));
  }
});
