import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compareHosts, compileHost, HostIndex, type HostPattern, hostMatches } from "../../../core/route/hosts.ts";

function host(text: string): HostPattern {
  const compiled = compileHost(text);
  assert.ok("kind" in compiled, "problem" in compiled ? compiled.problem : "");
  return compiled;
}

describe("host patterns", () => {
  it("T14 are one site whatever their case, final dot and script", () => {
    for (const text of ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "XN--bcher-kva.Example."]) {
      assert.deepEqual(host(text), { kind: "exact", name: "xn--bcher-kva.example" });
    }
    assert.deepEqual(host("*.Bücher.example"), { kind: "wildcard", suffix: ".xn--bcher-kva.example" });
    assert.deepEqual(host("*"), { kind: "any" });
    for (const text of ["[2001:DB8::1]", "[2001:db8:0::1]", "[2001:0db8:0:0:0:0:0:1]"])
      assert.deepEqual(host(text), { kind: "exact", name: "[2001:db8::1]" });
  });

  it("match whole labels", () => {
    assert.equal(hostMatches(host("*.example.com"), "a.example.com"), true);
    assert.equal(hostMatches(host("*.example.com"), "a.b.example.com"), true);
    for (const other of ["example.com", ".example.com", "aexample.com", "a.example.com.evil"]) {
      assert.equal(hostMatches(host("*.example.com"), other), false, other);
    }
    assert.equal(hostMatches(host("a"), "a"), true);
    assert.equal(hostMatches(host("a"), "b"), false);
    assert.equal(hostMatches(host("*"), ""), true);
  });

  it("stand in order of precedence", () => {
    const texts = ["*.com", "*", "a.example.com", "*.example.com", "*.a.example.com"];
    const sorted = texts
      .map((text) => ({ text, pattern: host(text) }))
      .sort((a, b) => compareHosts(a.pattern, b.pattern));
    assert.deepEqual(
      sorted.map(({ text }) => text),
      ["a.example.com", "*.a.example.com", "*.example.com", "*.com", "*"],
    );
    assert.equal(compareHosts(host("a"), host("b")) || 0, 0);
  });

  it("T02 are refused when no request could name them", () => {
    for (const text of [
      "",
      "a b",
      "a/b",
      "a:80",
      "a..b",
      ".a",
      "*a.example",
      "a.*.b",
      "*.",
      "*.[::1]",
      "[::g]",
      "a@b",
      "http://a",
      "ü b",
    ]) {
      assert.ok("problem" in compileHost(text), text);
    }
    assert.match(JSON.stringify(compileHost("a:80")), /has a port/);
  });
});

describe("HostIndex", () => {
  it("keeps one entry per pattern", () => {
    const index = new HostIndex<string[]>();
    for (const text of ["a", "*.a", "*", "a"]) index.entry(host(text), () => []).push(text);
    assert.deepEqual([index.exact("a"), index.wildcard(".a"), index.any], [["a", "a"], ["*.a"], ["*"]]);
    assert.equal(index.exact("b"), undefined);
    assert.equal(index.hasWildcards, true);
  });
});
