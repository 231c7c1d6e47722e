import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { DURATION_MS_MAX, formatDuration, parseDuration } from "../../../core/time/duration.ts";

describe("durations", () => {
  const right: [string, number][] = [
    ["1ms", 1],
    ["250ms", 250],
    ["5s", 5_000],
    ["1.5s", 1_500],
    ["1m", 60_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    ["2147483647ms", DURATION_MS_MAX],
  ];
  for (const [text, milliseconds] of right) {
    it(`reads ${text}`, () => assert.equal(parseDuration(text), milliseconds));
  }

  // Q14: what a timer of some runtime would take for "at once".
  const wrong = [
    "",
    "5",
    "0s",
    "0.0001ms",
    "-5s",
    "2147483648ms",
    "25d",
    "NaN",
    "Infinity",
    "1e3s",
    "5 s",
    "5S",
    "5sec",
    "0x5s",
    "５s",
  ];
  for (const text of wrong) {
    it(`Q14: refuses ${JSON.stringify(text)}`, () => assert.equal(typeof parseDuration(text), "object"));
  }

  it("says what a number without unit lacks", () => {
    assert.match((parseDuration("5") as { problem: string }).problem, /no unit.*"5s"/);
  });

  for (const text of ["1ms", "250ms", "5s", "75s", "1m", "90m", "1h", "1d"]) {
    it(`writes ${text} as it was`, () => assert.equal(formatDuration(parseDuration(text) as number), text));
  }
});
