import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { errorText } from "../../../core/script/error-text.ts";

const no = (): never => {
  throw new Error("no");
};

describe("the text of an error", () => {
  it("is its message, or whatever else was thrown", () => {
    assert.deepEqual([new TypeError("no"), "no", 5, null, undefined].map(errorText), [
      "no",
      "no",
      "5",
      "null",
      "undefined",
    ]);
  });

  it("is one for what refuses to be shown, too", () => {
    for (const error of [
      Object.create(null),
      { toString: no },
      Object.defineProperty(new Error(), "message", { get: no }),
    ])
      assert.equal(errorText(error), "something that cannot be shown");
  });
});
