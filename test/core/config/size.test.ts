import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { formatSize, parseSize } from "../../../core/config/size.ts";

describe("sizes", () => {
  const right: [string, number][] = [
    ["0", 0],
    ["1024", 1024],
    ["10B", 10],
    ["64KiB", 65_536],
    ["1.5KiB", 1_536],
    ["1MiB", 1_048_576],
    ["2GiB", 2_147_483_648],
    ["10kB", 10_000],
    ["10MB", 10_000_000],
  ];
  for (const [text, bytes] of right) it(`reads ${text}`, () => assert.equal(parseSize(text), bytes));

  const wrong = [
    "",
    "KiB",
    "-1",
    "1e3",
    "0x10",
    "1.5",
    "0.3KiB",
    "10mb",
    "10M",
    "10kib",
    "10 MiB",
    "9007199254740993",
    "1.0.0KiB",
  ];
  for (const text of wrong) it(`refuses ${JSON.stringify(text)}`, () => assert.equal(typeof parseSize(text), "object"));

  it("says what a unit could have meant", () => {
    assert.match((parseSize("10mb") as { problem: string }).problem, /"10MiB" \(1024\) or "10MB" \(1000\)/);
    assert.match((parseSize("10k") as { problem: string }).problem, /"10KiB" \(1024\) or "10kB" \(1000\)/);
  });

  it("writes the shortest exact form", () => {
    assert.deepEqual([0, 500, 65_536, 1_048_576, 1_500].map(formatSize), ["0B", "500B", "64KiB", "1MiB", "1500B"]);
    assert.equal(formatSize(Number.POSITIVE_INFINITY), "unlimited");
  });
});
