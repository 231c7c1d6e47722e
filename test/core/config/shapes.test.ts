import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { problemsOf } from "../../../core/config/issues.ts";
import { formatPath } from "../../../core/config/problem.ts";
import {
  choice,
  count,
  decimal,
  duration,
  either,
  flag,
  list,
  named,
  nameText,
  oneOrMore,
  percent,
  section,
  size,
  text,
} from "../../../core/config/shapes.ts";

function check(schema: v.GenericSchema, input: unknown, expected: unknown): void {
  const result = v.safeParse(schema, input);
  if (result.success) assert.deepEqual(result.output, expected);
  else
    assert.deepEqual(
      problemsOf(result.issues).map(({ path, message }) => `${formatPath(path)}: ${message}`),
      expected,
    );
}

describe("a section", () => {
  const schema = section({ one: v.string(), two: v.optional(v.number()) }, { three: "it lives elsewhere" });

  it("takes its keys", () => check(schema, { one: "a" }, { one: "a" }));
  it("reports every unknown key", () => {
    check(schema, { one: "a", tow: 1, three: 1 }, [
      'tow: unknown key; did you mean "two"?',
      "three: unknown key; it lives elsewhere",
    ]);
  });
  it("says of a merge key of YAML that it does nothing", () => {
    check(schema, { one: "a", "<<": {} }, [
      '["<<"]: unknown key; merge keys of YAML do not work here; write out what it stands for',
    ]);
  });
  it("reports what is missing", () => check(schema, {}, ["one: is missing; it is required here"]));
  it("is no list", () => check(schema, ["a"], [": expected a map of one, two, got a list"]));
  it("is not nothing, as it is where YAML is not indented", () => {
    check(schema, null, [": expected a map of one, two, got nothing; indent what belongs to it"]);
    check(named(v.string()), null, [": expected a map, got nothing; indent what belongs to it"]);
    check(list(v.string()), null, [": expected a list, got nothing; indent what belongs to it"]);
  });
  it("M10: knows no inherited keys", () => {
    check(schema, JSON.parse('{"one": "a", "__proto__": 1, "constructor": 1}'), [
      "__proto__: unknown key; known are one, two",
      "constructor: unknown key; known are one, two",
    ]);
  });
});

describe("a map of names", () => {
  it("checks names and values", () => {
    check(named(v.string()), { a: "1", "b c": "2" }, [
      '["b c"]: "b c" is no good name; write letters, digits, dots, dashes and underscores, at most 64',
    ]);
    check(named(v.string()), ["a"], [": expected a map, got a list"]);
  });
  it("M10: drops nothing silently", () => {
    check(named(v.string()), JSON.parse('{"constructor": "x"}'), ["constructor: the name constructor is not allowed"]);
  });
});

describe("values", () => {
  it("lists hold something", () => check(list(v.string()), [], [": is an empty list; give at least one item"]));

  it("may be left out only where one item may stand for a list", () =>
    check(oneOrMore(v.string(), "a text"), [], [": is an empty list; give at least one item or leave it out"]));
  it("one stands for a list of one", () => {
    check(oneOrMore(v.string(), "text"), "a", ["a"]);
    check(oneOrMore(v.string(), "text"), ["a", "b"], ["a", "b"]);
    check(oneOrMore(v.string(), "text"), 5, [': expected text or a list of them, got 5; put it in quotes: "5"']);
  });
  it("text asks for quotes", () => check(text("text"), 1, [': expected text, got 1; put it in quotes: "1"']));
  it("quotes are not advised where they would not help", () => {
    check(
      text("a file", (value) => (value === "7" ? "must end in .yaml" : null)),
      7,
      [": expected a file, got 7: must end in .yaml"],
    );
    check(either([v.literal(false), section({})], "false or a map"), true, [": expected false or a map, got true"]);
  });
  it("one item stands for no list: brackets are advised", () => {
    check(list(v.string()), "a", [': expected a list, got "a"; put it in brackets: ["a"]']);
    check(list(v.string()), 5, [": expected a list, got 5"]);
    check(list(v.object({})), {}, [": expected a list, got a map; put it in brackets: [{ … }]"]);
  });
  it("names are short and plain", () =>
    check(nameText(), "a/b", [': "a/b": write letters, digits, dots, dashes and underscores, at most 64']));
  it("durations", () => {
    check(duration(), "5s", 5_000);
    check(duration(), 5, [': expected a duration such as "5s" or "250ms", got 5']);
  });
  it("sizes", () => {
    check(size(), "1KiB", 1_024);
    check(size(), 1_024, 1_024);
    check(size({ unlimited: true }), "unlimited", Number.POSITIVE_INFINITY);
    for (const wrong of ["unlimited", -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, true])
      assert.equal(v.safeParse(size(), wrong).success, false);
    assert.equal(v.safeParse(size({ min: 10, max: 20 }), 9).success, false);
    assert.equal(v.safeParse(size({ min: 10, max: 20 }), 10).success, true);
    assert.equal(v.safeParse(size({ min: 10, max: 20 }), 21).success, false);
  });
  it("counts", () => {
    check(count({ min: 1, max: 10 }), 10, 10);
    check(count(), "42", 42);
    check(count({ unlimited: true }), "unlimited", Number.POSITIVE_INFINITY);
    for (const wrong of [0, 11, 1.5, "x", "1e1", " 1", Number.NaN, null])
      assert.equal(v.safeParse(count({ min: 1, max: 10 }), wrong).success, false);
  });
  it("shares", () => {
    check(percent(), "10%", 0.1);
    check(percent(), "12.5%", 0.125);
    check(percent({ max: 50 }), "50%", 0.5);
    check(percent({ max: 50 }), "50.1%", [': "50.1%": write a share from 0% to 50%, such as "10%"']);
    check(percent(), 10, [': expected a share such as "10%", got 10; write it with a percent sign: "10%"']);
    check(percent(), 0.1, [': expected a share such as "10%", got 0.1; write it with a percent sign: "10%"']);
    check(percent(), 0.333, [': expected a share such as "10%", got 0.333; write it with a percent sign: "33.3%"']);
    check(percent(), 1, [': expected a share such as "10%", got 1; write it with a percent sign: "1%"']);
    for (const wrong of ["10", "-1%", "1e1%", "%", "101%"]) assert.equal(v.safeParse(percent(), wrong).success, false);
  });
  it("numbers with a fraction", () => {
    const above = decimal({ min: 1, max: 10, isAbove: true });
    check(above, 1.25, 1.25);
    check(above, "10", 10);
    check(above, 1, [": expected a number above 1, at most 10, such as 1.25, got 1"]);
    check(decimal({ min: 1, max: 10 }), 1, 1);
    check(decimal({ min: 1, max: 10 }), "1e1", [': expected a number from 1 to 10, got "1e1"']);
  });
  it("flags", () => {
    check(flag(), true, true);
    check(flag(), "false", false);
    check(flag(), "yes", [': expected true or false, got "yes"']);
    check(flag(), 1, [": expected true or false, got 1"]);
  });
  it("choices", () => {
    check(choice(["json", "text"]), "jsn", [': expected one of json, text, got "jsn"; did you mean "json"?']);
    check(choice(["json", "text"]), "xml", [': expected one of json, text, got "xml"']);
  });
});
