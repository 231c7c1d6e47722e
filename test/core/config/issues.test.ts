import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { problemsOf } from "../../../core/config/issues.ts";
import { either, section, text } from "../../../core/config/shapes.ts";

describe("issues of a choice", () => {
  const schema = v.array(
    either(
      [text("text", (value) => (value === "" ? "empty" : null)), section({ address: v.string("no text") })],
      "text or a map",
    ),
  );
  const problems = (input: unknown) =>
    problemsOf(v.safeParse(schema, input).issues ?? []).map(({ path, message, atKey }) => [path, message, atKey]);

  it("name the key of the map that was meant", () => {
    assert.deepEqual(problems([{ adress: "x" }]), [
      [[0, "address"], "is missing; it is required here", true],
      [[0, "adress"], 'unknown key; did you mean "address"?', true],
    ]);
    assert.deepEqual(problems([{ address: 1 }]), [[[0, "address"], "no text", false]]);
  });

  it("say what is wrong with text of the right type", () =>
    assert.deepEqual(problems(["a", ""]), [[[1], '"": empty', false]]));

  it("say what was expected when nothing fits", () => {
    assert.deepEqual(problems([5]), [[[0], 'expected text or a map, got 5; put it in quotes: "5"', false]]);
  });
});
