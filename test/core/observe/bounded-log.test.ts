import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LOG_LINES_PER_SECOND_MAX } from "../../../core/limits.ts";
import { BoundedLog } from "../../../core/observe/bounded-log.ts";

describe("a log of one kind", () => {
  it("writes so many lines a second, then how many were left out", () => {
    const lines: string[] = [];
    let made = 0;
    const log = new BoundedLog((line) => lines.push(line), "failures of clients");
    const report = (atMs: number) =>
      log.report(() => {
        made++;
        return "line";
      }, atMs);
    for (let count = 0; count < LOG_LINES_PER_SECOND_MAX + 7; count++) report(5_000);
    assert.equal(lines.length, LOG_LINES_PER_SECOND_MAX);
    assert.equal(made, LOG_LINES_PER_SECOND_MAX, "what is not shown is not made");
    log.flush(5_999);
    assert.equal(lines.length, LOG_LINES_PER_SECOND_MAX);
    log.flush(6_000);
    assert.match(lines.at(-1) ?? "", / error 7 more failures of clients within a second/);
    report(6_001);
    assert.equal(lines.at(-1), "line");
  });

  it("does not end without saying what was left out", () => {
    const lines: string[] = [];
    const log = new BoundedLog((line) => lines.push(line), "failures of clients");
    for (let count = 0; count < LOG_LINES_PER_SECOND_MAX + 1; count++) log.report(() => "a", 5_000);
    log.close(5_001);
    assert.match(lines.at(-1) ?? "", /1 more failure/);
  });

  it("goes on when the clock jumps back", () => {
    const lines: string[] = [];
    const log = new BoundedLog((line) => lines.push(line), "failures of clients");
    for (let count = 0; count < 100; count++) log.report(() => "a", 1_000_000);
    log.report(() => "b", 1_000);
    assert.equal(lines.at(-1), "b");
  });
});
