import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { PATTERN_INPUT_MAX } from "../../../core/limits.ts";
import { compilePattern, type Pattern } from "../../../core/route/pattern.ts";
import { processorMs } from "../../support/processor-time.ts";

function pattern(source: string): Pattern {
  const compiled = compilePattern(source);
  assert.ok("pattern" in compiled, "problem" in compiled ? compiled.problem : "");
  return compiled.pattern;
}

function problem(source: string): string {
  const compiled = compilePattern(source);
  assert.ok("problem" in compiled, `${source} compiled`);
  return compiled.problem;
}

describe("patterns", () => {
  it("are found anywhere unless anchored", () => {
    assert.equal(pattern("b").test("abc"), true);
    assert.equal(pattern("^b").test("abc"), false);
    assert.equal(pattern("(?i)^ABC$").test("abc"), true);
    assert.equal(pattern("^/u/([0-9]{1,3})$").test("/u/1234"), false);
  });

  it("capture by number and name, missing groups as empty text", () => {
    const path = pattern("^/(?P<lang>[a-z]{2})(?:/([0-9]+))?(?<rest>/.*)?$");
    assert.deepEqual(path.groups, ["lang", "", "rest"]);
    assert.deepEqual(path.capture("/de/7/x"), ["de", "7", "/x"]);
    assert.deepEqual(path.capture("/de"), ["de", "", ""]);
    assert.equal(path.capture("/deu"), null);
  });

  it("replace the first match with any text", () => {
    assert.equal(
      pattern("a(.)").replaceFirst("xabac", ([one]) => `<${one}$1>`),
      "x<b$1>ac",
    );
    assert.equal(
      pattern("z").replaceFirst("xabac", () => ""),
      null,
    );
  });

  it("M13 know no lines", () => {
    assert.equal(pattern("^/admin$").test("/x\n/admin\n"), false);
    assert.equal(pattern("^/admin$").test("/admin\n"), false);
    assert.equal(pattern("a.b").test("a\nb"), false);
  });

  it("M12 are linear: the classics of catastrophe pass in no time", () => {
    const tookMs = processorMs(() => {
      for (const source of ["^(a+)+$", "(.*)*x", "(a|a)*b", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"]) {
        const compiled = pattern(source);
        assert.equal(compiled.test(`${"a".repeat(PATTERN_INPUT_MAX - 1)}!`), false, source);
      }
    });
    // Backtracking would take longer than the universe is old; this bound is for slow machines.
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
  });

  it("M12 don't look at text over the limit", () => {
    const any = pattern("a");
    const long = "a".repeat(PATTERN_INPUT_MAX + 1);
    assert.equal(any.test(long.slice(1)), true);
    assert.equal(any.test(long), null);
    assert.equal(any.capture(long), null);
    assert.equal(
      any.replaceFirst(long, () => ""),
      null,
    );
  });

  it("are refused with a reason when they can't be linear, are too large or wrong", () => {
    assert.match(problem("(?=a)"), /look-around .* not supported/);
    assert.match(problem("(?<!a)b"), /look-around/);
    assert.match(problem("(a)\\1"), /back-reference .* not supported/);
    assert.match(problem("[ab]{600}[cd]{600}"), /too large/);
    assert.match(problem("a{5000}"), /regular expression is wrong: invalid repeat count/);
    assert.match(problem("(a"), /regular expression is wrong: missing closing \)/);
  });
});
