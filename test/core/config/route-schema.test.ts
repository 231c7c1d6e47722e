import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { RouteSchema } from "../../../core/config/route-schema.ts";

const accepts = (route: unknown) => v.safeParse(RouteSchema, route).success;

describe("the schema of a route", () => {
  for (const match of [
    {},
    { host: "a" },
    { path: { regex: "^/u" } },
    { path: ["/a", { regex: "b" }] },
    { header: { A: "1", B: true, C: { regex: "x" } }, query: { "any-name!": true } },
    { client: ["10.0.0.0/8", "::1"], listener: "a", not: [{ path: "/a" }, { method: "GET" }] },
  ]) {
    it(`takes ${JSON.stringify(match)}`, () => assert.ok(accepts({ match, respond: {} })));
  }
  for (const match of [
    null,
    { host: [] },
    { path: "a" },
    { path: { regex: 5 } },
    { header: { A: 1 } },
    { header: { A: false } },
    { header: { "a b": "1" } },
    { client: "everybody" },
    { not: { not: {} } },
    { method: "get" },
  ]) {
    it(`refuses ${JSON.stringify(match)}`, () => assert.ok(!accepts({ match, respond: {} })));
  }

  it("takes redirects of the five kinds", () => {
    for (const status of [301, 302, 303, 307, 308]) assert.ok(accepts({ redirect: { to: "/a", status } }));
    for (const status of [300, 304, 306, 399, 200]) assert.ok(!accepts({ redirect: { to: "/a", status } }));
    assert.ok(!accepts({ redirect: {} }));
  });

  it("J06: refuses what cannot stand in a header", () => {
    for (const value of ["\u560d\u560a", "a\r\nb", "\u0000"]) {
      assert.ok(!accepts({ request: { set: { A: value } }, upstream: "a" }));
      assert.ok(!accepts({ response: { add: { A: [value] } }, upstream: "a" }));
      assert.ok(!accepts({ redirect: { to: `/${value}` } }));
      assert.ok(!accepts({ host: value, upstream: "a" }));
      assert.ok(!accepts({ respond: { contentType: value } }));
    }
    assert.ok(accepts({ respond: { body: "\u560d 😀\n" } }));
  });
});
