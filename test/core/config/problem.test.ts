import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { describe as describeValue, formatPath, problemAt, problemAtKey, quote } from "../../../core/config/problem.ts";

describe("problems", () => {
  it("write their path as one would in a program", () => {
    assert.equal(formatPath(["routes", 3, "match", "header", "X-Internal"]), "routes[3].match.header.X-Internal");
    assert.equal(formatPath(["match", "a b", 0]), 'match["a b"][0]');
    assert.equal(formatPath([]), "");
  });

  it("describe values in a person's words", () => {
    assert.deepEqual([null, undefined, [], {}, 5, true].map(describeValue), [
      "nothing",
      "nothing",
      "a list",
      "a map",
      "5",
      "true",
    ]);
    assert.equal(describeValue(200n), "200n");
  });

  it("say of a Map and the like what it should be instead", () => {
    assert.match(describeValue(new Map()), /^an object without keys of its own/);
  });

  it("M08: quote text so that it cannot act on a terminal", () => {
    assert.equal(quote("a\u001b[31m\n\u009b\u202e"), '"a\\u001b[31m\\n\\u009b\\u202e"');
    assert.equal(quote("x".repeat(100)).length, 62);
  });

  it("say whether the key or the value is meant", () => {
    assert.equal(problemAt(["a"], "m").atKey, false);
    assert.equal(problemAtKey(["a"], "m").atKey, true);
  });
});
