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

  it("is that of what it came from, where it says nothing itself", () => {
    // As Node has it when each address of a name refuses, and of a body that is not compressed.
    const refused = new AggregateError([new Error("connect ECONNREFUSED ::1:6379"), new Error("another")], "");
    assert.equal(errorText(refused), "connect ECONNREFUSED ::1:6379");
    assert.equal(
      errorText(new TypeError("", { cause: new Error("incorrect header check") })),
      "incorrect header check",
    );
    assert.equal(errorText(new TypeError()), "TypeError");
    const none = [undefined, 5].map((message) => Object.defineProperty(new Error(), "message", { value: message }));
    assert.deepEqual(none.map(errorText), ["Error", "5"]);
    assert.equal(errorText(Object.defineProperty(new Error(), "name", { value: 5 })), "5");
  });

  it("goes on with what it came from, once", () => {
    const cause = new Error("connect ECONNREFUSED 127.0.0.1:1");
    assert.equal(errorText(new TypeError("fetch failed", { cause })), "fetch failed: connect ECONNREFUSED 127.0.0.1:1");
    assert.equal(errorText(new Error(`no answer: ${cause.message}`, { cause })), `no answer: ${cause.message}`);
    const own = new Error("round");
    own.cause = own;
    assert.equal(errorText(own), "round");
    const deep = new Error("a", { cause: new Error("b", { cause: new Error("c", { cause: new Error("d") }) }) });
    assert.equal(errorText(deep), "a: b: c");
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
