import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { placeOfCode } from "../../../core/route/compile-route.ts";
import type { RouteDefinition } from "../../../core/route/route.ts";
import { path, problemsOf, request, route, tableOf } from "./definition.ts";

function only(definition: RouteDefinition) {
  const [compiled] = tableOf(definition).routes;
  assert.ok(compiled !== undefined);
  return compiled;
}

const NO_CAPTURES = { names: [], captures: null };

describe("a compiled route", () => {
  it("carries what the definition says", () => {
    const definition = route("r", {}, { upgrade: false });
    const compiled = only(definition);
    assert.equal(compiled.definition, definition);
    assert.deepEqual([compiled.id, compiled.upstreamName, compiled.upgrade], ["r", "app", false]);
    assert.deepEqual([compiled.rewritePath, compiled.host, compiled.location], [null, null, null]);
    assert.ok(compiled.requestEdits.isEmpty && compiled.responseEdits.isEmpty && !compiled.usesCaptures);
  });

  it("has a location only when it redirects", () => {
    const compiled = only(
      route("r", { paths: [path("/old/*")] }, { action: { kind: "redirect", to: "/new/$1", status: 308 } }),
    );
    assert.equal(compiled.upstreamName, "");
    assert.ok(compiled.usesCaptures);
    assert.equal(compiled.location?.expand(request("/old/x"), { names: [""], captures: ["x"] }), "/new/x");
  });

  it("has the host to send", () => {
    assert.equal(
      only(route("r", {}, { host: "${upstream.name}.internal:80" })).host?.expand(request("/"), NO_CAPTURES),
      "app.internal:80",
    );
  });

  it("uses captures if any template does", () => {
    const captured = { paths: [path("/a/:x")] };
    const edits = { set: [{ name: "X-Id", value: "$1" }], add: [], remove: [] };
    assert.ok(only(route("r", captured, { requestFields: edits })).usesCaptures);
    assert.ok(only(route("r", captured, { responseFields: edits })).usesCaptures);
    assert.ok(only(route("r", captured, { rewrite: { kind: "replace", to: "/${path.x}" } })).usesCaptures);
    assert.ok(!only(route("r", captured, { rewrite: { kind: "pattern", regex: "(a)", to: "/$1" } })).usesCaptures);
  });

  it("is checked against every path of its match", () => {
    const action = { kind: "redirect", to: "/$1", status: 302 } as const;
    assert.deepEqual(problemsOf(route("r", { paths: [path("/a/:x"), path("/b/*")] }, { action })), []);
    assert.match(
      problemsOf(route("r", { paths: [path("/a/:x"), path("/b")] }, { action })).join(),
      /^action.to: \$1 is not captured/,
    );
    assert.match(problemsOf(route("r", {}, { host: "a b" })).join(), /^host: /);
  });
});

describe("functions of a route", () => {
  it("are called after its id, or else its place", () => {
    assert.deepEqual(["api", "routes[3]"].map(placeOfCode), ["routes.api", "routes[3]"]);
  });
});
