import { describe, it } from "@std/testing/bdd";
import { fuzzParseBody } from "./parse-body.ts";

const SEEDS = 2_000;

describe("fuzz: parse-body", () => {
  it(`holds its invariant for ${SEEDS} seeds`, () => {
    // A failure names its seed; the file itself goes on from there.
    for (let seed = 1; seed <= SEEDS; seed++) fuzzParseBody(seed);
  });
});
