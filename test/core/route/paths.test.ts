import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  CANNOT_TELL,
  type CompiledPath,
  capturesOf,
  comparePaths,
  compilePath,
  FAILS,
  HOLDS,
  PathIndex,
  pathMatches,
  pathText,
  type Verdict,
} from "../../../core/route/paths.ts";
import { path, request } from "./definition.ts";

function compiled(text: string): CompiledPath {
  const result = compilePath(path(text));
  assert.ok("kind" in result, "problem" in result ? result.problem : "");
  return result;
}

const captures = (pattern: string, asked: string) => {
  const one = compiled(pattern);
  assert.equal(pathMatches(one, asked, "literal"), HOLDS, `${asked} isn't ${pattern}`);
  return Object.fromEntries(
    capturesOf(one, asked, "literal").map((value, index) => [one.names[index] || index + 1, value]),
  );
};

describe("path patterns", () => {
  it("are written as the configuration has them", () => {
    const texts = ["/a", "/*", "/a/*", "/a/:b"].map((text) => pathText(path(text)));
    assert.deepEqual(texts, ["/a", "/*", "/a/*", "/a/:b"]);
    assert.equal(pathText({ kind: "regex", source: "^/x" }), "matching ^/x");
  });

  it("capture parameters, what follows a prefix, and groups", () => {
    assert.deepEqual(captures("/a/:x/b/:y", "/a/1/b/2"), { x: "1", y: "2" });
    assert.deepEqual(captures("/a/:x/*", "/a/1"), { x: "1", 2: "" });
    assert.deepEqual(captures("/a/:x/*", "/a/1/b/c"), { x: "1", 2: "b/c" });
    assert.deepEqual(captures("/a/*", "/a/b//c/"), { 1: "b//c/" });
    assert.deepEqual(captures("/a", "/a"), {});
    assert.deepEqual(captures("~/([0-9]+)", "/x/12"), { 1: "12" });
    assert.deepEqual(captures("/*", "/x"), {});
  });

  it("match an empty segment to no parameter", () => {
    assert.equal(pathMatches(compiled("/a/:x"), "/a/", "literal"), FAILS);
    assert.equal(pathMatches(compiled("/a/:x/c"), "/a//c", "literal"), FAILS);
    assert.equal(pathMatches(compiled("/a/:x/"), "/a/b/", "literal"), HOLDS);
    assert.equal(pathMatches(compiled("/a/:x/"), "/a/b", "literal"), FAILS);
  });

  it("are compared in the reading of the request", () => {
    const encoded = compiled("/a%2fb");
    assert.equal(pathMatches(encoded, "/a%2Fb", "literal"), HOLDS);
    assert.equal(pathMatches(encoded, "/a/b", "decoded"), HOLDS);
    assert.equal(pathMatches(compiled("/x y/:z/*"), "/x%20y/1", "literal"), HOLDS);
    assert.equal(pathMatches(compiled("/a%2fb/*"), "/a/b/c", "decoded"), HOLDS);
    assert.deepEqual(capturesOf(compiled("/a%2fb/*"), "/a/b/c", "decoded"), ["c"]);
  });

  it("can't tell of a path too long for an expression", () => {
    assert.equal(pathMatches(compiled("~x"), "/x".repeat(4_097), "literal"), CANNOT_TELL);
  });

  it("stand in order of precedence", () => {
    const order = ["/a", "/:x/b", "/a/b/*", "/a/:x/*", "/a/*", "/:x/*", "~x", "/*"];
    for (let left = 0; left < order.length; left++) {
      for (let right = 0; right < order.length; right++) {
        const sign = Math.sign(comparePaths(compiled(order[left]!), compiled(order[right]!)));
        assert.equal(sign, Math.sign(left - right), `${order[left]} ${order[right]}`);
      }
    }
  });

  it("are refused when they are wrong", () => {
    for (const text of ["a", "/a/../b", "/%zz", "/a/:", "/a/:x-y", "/:x/:x", "/*/:x", "~[", "~(?=a)"]) {
      assert.ok("problem" in compilePath(path(text)), text);
    }
    assert.match(JSON.stringify(compilePath({ kind: "prefix", prefix: "/a/*/b" })), /not the last segment/);
  });
});

describe("PathIndex", () => {
  const entry = (id: string, verdict: Verdict = HOLDS) => ({ id, accepts: () => verdict });
  const find = (patterns: readonly (readonly [string, Verdict?])[], asked: string) => {
    const index = new PathIndex<ReturnType<typeof entry>>("literal");
    for (const [pattern, verdict] of patterns) index.add(compiled(pattern), entry(pattern, verdict));
    const found = index.find(request(asked), asked);
    return found === null || found === CANNOT_TELL ? found : found.id;
  };

  it("goes on past entries that don't accept the request", () => {
    assert.equal(
      find([["/a/b", FAILS], ["/a/:x", FAILS], ["/a/b/*", FAILS], ["/a/*", FAILS], ["~b", FAILS], ["/*"]], "/a/b"),
      "/*",
    );
    assert.equal(find([["/a/b", FAILS], ["/:x/b"], ["/a/*"]], "/a/b"), "/:x/b");
    assert.equal(find([["/a", FAILS]], "/a"), null);
  });

  it("stops where an entry can't tell", () => {
    for (const pattern of ["/a/b", "/a/:x", "/a/*", "~b", "/*"]) {
      assert.equal(find([[pattern, CANNOT_TELL], ["/*"]], "/a/b"), CANNOT_TELL, pattern);
    }
    const long = `/${"b".repeat(9_000)}`;
    assert.equal(find([["~b"], ["/*"]], long), CANNOT_TELL);
    assert.equal(find([["~b", FAILS], ["/*"]], long), "/*");
  });

  it("keeps the order of entries of one pattern", () => {
    const index = new PathIndex<ReturnType<typeof entry>>("literal");
    const entries = [entry("1", FAILS), entry("2"), entry("3")];
    for (const one of entries) index.add(compiled("/a"), one);
    assert.equal(index.find(request("/a"), "/a"), entries[1]);
  });
});
