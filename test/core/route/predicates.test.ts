import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { PATTERN_INPUT_MAX } from "../../../core/limits.ts";
import { NO_CONDITIONS } from "../../../core/route/predicates.ts";
import type { NamedCondition, RouteConditions } from "../../../core/route/route.ts";
import { path, problemsOf, type RequestParts, request, route, tableOf, taken } from "./definition.ts";

/** `yes` where the conditions hold, `no` where they don't, `400` where nobody can tell. */
function check(
  match: Partial<RouteConditions>,
  cases: readonly (readonly [RequestParts, string])[],
  asked = "/",
): void {
  const table = tableOf(route("yes", match), route("no", {}));
  const negated = tableOf(route("no", { not: [{ ...NO_CONDITIONS, ...match }] }), route("yes", {}));
  for (const [parts, expected] of cases) {
    assert.equal(taken(table, request(asked, parts)), expected, JSON.stringify(parts));
    assert.equal(taken(negated, request(asked, parts)), expected, `not: ${JSON.stringify(parts)}`);
  }
}

const named = (name: string, value: string | null, regex = false): NamedCondition => ({ name, value, regex });
const x = (value: string): RequestParts => ({ headers: { x: value } });

describe("conditions", () => {
  it("on the method are exact", () => {
    check({ methods: ["GET", "PUT"] }, [
      [{}, "yes"],
      [{ method: "PUT" }, "yes"],
      [{ method: "POST" }, "no"],
      [{ method: "get" }, "no"],
    ]);
  });

  it("on the listener are exact", () => {
    check({ listeners: ["web", "b"] }, [
      [{}, "yes"],
      [{ listener: "b" }, "yes"],
      [{ listener: "c" }, "no"],
    ]);
  });

  it("on a header ask for one value, or one of several", () => {
    check({ headers: [named("x", "1")] }, [
      [x("1"), "yes"],
      [x("2"), "no"],
      [{}, "no"],
      [x("2, 1"), "yes"],
      [x("2,1 ,3"), "yes"],
      [x("11"), "no"],
      [x(""), "no"],
    ]);
    check({ headers: [named("x", "1"), named("x", "2")] }, [
      [x("2"), "yes"],
      [x("3"), "no"],
    ]);
    check({ headers: [named("x", "a, b")] }, [
      [x("a, b"), "yes"],
      [x("a"), "no"],
    ]);
  });

  it("on several headers must all hold", () => {
    check({ headers: [named("x", "1"), named("y", null)] }, [
      [{ headers: { x: "1", y: "" } }, "yes"],
      [{ headers: { x: "1" } }, "no"],
      [{ headers: { y: "1" } }, "no"],
    ]);
  });

  it("on a header by expression see characters, and can't tell of other bytes", () => {
    check({ headers: [named("x", "^caf.$", true)] }, [
      [x("cafe"), "yes"],
      [x("caf\xc3\xa9"), "yes"],
      [x("cafes"), "no"],
      [x("caf\xe9"), "400"],
      [{}, "no"],
    ]);
    check({ headers: [named("x", "café")] }, [
      [x("caf\xc3\xa9"), "yes"],
      [x("caf\xe9"), "no"],
    ]);
  });

  it("M12 can't tell of text too long for an expression", () => {
    check({ headers: [named("x", "^(a+)+$", true)] }, [
      [x("a".repeat(PATTERN_INPUT_MAX)), "yes"],
      [x(`${"a".repeat(PATTERN_INPUT_MAX - 1)}!`), "no"],
      [x("a".repeat(PATTERN_INPUT_MAX + 1)), "400"],
    ]);
  });

  it("on the query decode once and take any of several", () => {
    check({ query: [named("a b", "c&d")] }, [
      [{ query: "a+b=c%26d" }, "yes"],
      [{ query: "x&a%20b=no&a%20b=c%26d" }, "yes"],
      [{ query: "a%2520b=c%26d" }, "no"],
      [{ query: "a b=c&d" }, "no"],
      [{ query: "" }, "no"],
    ]);
    check({ query: [named("é", "%zz")] }, [
      [{ query: "%c3%a9=%zz" }, "yes"],
      [{ query: "%C3%A9=%25zz" }, "yes"],
    ]);
    check({ query: [named("debug", null)] }, [
      [{ query: "debug" }, "yes"],
      [{ query: "debug=" }, "yes"],
      [{ query: "debugger=1" }, "no"],
      [{ query: "x=debug" }, "no"],
    ]);
    check({ query: [named("n", "^[0-9]+$", true)] }, [
      [{ query: "n=12" }, "yes"],
      [{ query: "n=1x" }, "no"],
      [{ query: "n=%ff" }, "400"],
      [{ query: "n=%ff&n=1" }, "yes"],
    ]);
  });

  it("on the client can't tell without an address", () => {
    check({ clients: ["10.0.0.0/8", "::1"] }, [
      [{ clientAddress: "10.1.2.3" }, "yes"],
      [{ clientAddress: "::1" }, "yes"],
      [{ clientAddress: "::ffff:10.1.2.3" }, "yes"],
      [{ clientAddress: "11.1.2.3" }, "no"],
      [{ clientAddress: "unix" }, "no"],
      [{ clientAddress: "" }, "400"],
      [{ clientAddress: "unknown" }, "400"],
    ]);
  });

  it("fail when one fails, though another can't tell", () => {
    check({ clients: ["10.0.0.0/8"], methods: ["PUT"] }, [
      [{ clientAddress: "" }, "no"],
      [{ clientAddress: "", method: "PUT" }, "400"],
    ]);
  });

  it("N11 within not look at host and path too", () => {
    const cases = [
      [{ host: "a" }, "yes"],
      [{ host: "b" }, "no"],
      [{ host: "x.c" }, "yes"],
    ] as const;
    check({ hosts: ["a", "*.c"], paths: [path("/p/*"), path("/q"), path("/r/:x"), path("~^/s")] }, cases, "/p/1");
    check({ hosts: ["a", "*.c"], paths: [path("/p/*"), path("/q"), path("/r/:x"), path("~^/s")] }, cases, "/r/1");
    check({ paths: [path("/p/*"), path("/q"), path("/r/:x"), path("~^/s")] }, [[{}, "yes"]], "/s1");
    check({ paths: [path("/p/*"), path("/q"), path("/r/:x"), path("~^/s")] }, [[{}, "no"]], "/r/1/2");
  });

  it("N11 within not read the path in both ways", () => {
    const table = tableOf(
      route("open", { not: [{ ...NO_CONDITIONS, paths: [path("/admin/*")] }] }),
      route("closed", {}),
    );
    assert.equal(taken(table, request("/public")), "open");
    assert.equal(taken(table, request("/public/../admin")), "closed");
    for (const asked of ["//admin", "/admin;x", "/admin%2fx", "/%2fadmin"])
      assert.equal(taken(table, request(asked)), "400", asked);
  });

  it("may be negated twice, and each not by itself", () => {
    const inner = { ...NO_CONDITIONS, not: [{ ...NO_CONDITIONS, methods: ["GET"] }] };
    const table = tableOf(route("yes", { not: [inner, { ...NO_CONDITIONS, listeners: ["b"] }] }), route("no", {}));
    assert.equal(taken(table, request("/")), "yes");
    assert.equal(taken(table, request("/", { method: "PUT" })), "no");
    assert.equal(taken(table, request("/", { listener: "b" })), "no");
  });

  it("are refused when they are wrong or would never match", () => {
    assert.match(problemsOf(route("r", { clients: ["x"] })).join(), /^match.clients.0: "x" is neither/);
    assert.match(problemsOf(route("r", { query: [named("a", "(?<=x)", true)] })).join(), /^match.query.0: look-around/);
    assert.match(problemsOf(route("r", { not: [NO_CONDITIONS] })).join(), /^match.not.0: asks for nothing/);
  });
});
