import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { isOpaque, kindOf, numberOrKind, quoted } from "../../../core/script/describe-value.ts";

describe("what code has given, in words", () => {
  it("says what kind of thing it is", () => {
    assert.deepEqual([null, [], {}, 1, undefined].map(kindOf), [
      "null",
      "a list",
      "an object",
      "a number",
      "undefined",
    ]);
    assert.deepEqual([new Map(), Object.create(null)].map(kindOf), ["an object (Map)", "an object"]);
  });

  it("survives what throws when it is looked at", () => {
    const hostile = {
      get [Symbol.toStringTag]() {
        throw new Error("looked at");
      },
    };
    assert.equal(kindOf(hostile), "an object");
  });

  it("shows numbers and texts themselves, as far as anybody reads", () => {
    assert.deepEqual([-1, Number.NaN, "1"].map(numberOrKind), ["-1", "NaN", "a string"]);
    assert.deepEqual(["a\n", 1].map(quoted), ['"a\\n"', '"a number"']);
    assert.equal(quoted("x".repeat(200)).length, 102);
  });

  it("tells what can be looked into from what cannot", () => {
    class Settings {
      readonly listeners: string[] = [":80"];
    }
    for (const map of [{}, Object.create(null), new Settings(), [], null, "text", { a: 1 }])
      assert.equal(isOpaque(map), false);
    for (const none of [new Map([["a", 1]]), new Set([1]), new Date(0), /a/, Promise.resolve({}), new URL("http://a")])
      assert.equal(isOpaque(none), true);
  });

  it("takes what has a name that is looked for for a map, wherever it has it from", () => {
    class Answer {
      get status(): number {
        return 200;
      }
    }
    assert.deepEqual([isOpaque(new Answer()), isOpaque(new Answer(), ["status"])], [true, false]);
  });
});
