import { describe, it } from "@std/testing/bdd";
import { fuzzParseHead } from "./parse-head.ts";

const SEEDS = 2_000;

describe("fuzz: parse-head", () => {
  it(`holds its invariant for ${SEEDS} seeds`, () => {
    // A failure names its seed; the file itself goes on from there.
    for (let seed = 1; seed <= SEEDS; seed++) fuzzParseHead(seed);
  });
});
