import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { repeatsRepeats } from "../../../core/config/regex-shape.ts";

describe("an expression that repeats what repeats", () => {
  it("is known by its shape", () => {
    for (const source of [
      "(a+)+",
      "^(a+)+$",
      "(.*)*x",
      "(a|a)*b",
      "(?:a*)+",
      "(?P<x>a{2,}b)*",
      "((a+)b?)+",
      "([^/]+)*",
      "(\\d+)*",
      "((a+))*",
    ])
      assert.ok(repeatsRepeats(source), source);
  });

  it("is no other one", () => {
    for (const source of [
      "a+",
      "(a+)",
      "(a)+",
      "(ab)*c+",
      "(a|b)*",
      "\\(a+\\)+",
      "[(a+)]+",
      "(a+)?",
      "(a{2})+",
      "^/dl/([0-9]+)/(.+)$",
      "(a+)b+",
      "([+*])+",
      "(",
    ])
      assert.ok(!repeatsRepeats(source), source);
  });
});
