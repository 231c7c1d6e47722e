import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { isPromise } from "../../../core/script/is-promise.ts";

describe("a promise", () => {
  it("is whatever has a function called then", () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what is asked for
    for (const promise of [Promise.resolve(), { then: () => {} }]) assert.equal(isPromise(promise), true);
    // biome-ignore lint/suspicious/noThenProperty: it is none
    for (const none of [null, undefined, "then", {}, { then: 1 }, () => {}]) assert.equal(isPromise(none), false);
  });
});
