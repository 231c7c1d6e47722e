import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LineWriter } from "../../cli/line-writer.ts";
import { TRACES_LENGTH_MAX, tracesShower } from "../../cli/show-traces.ts";
import type { Trace } from "../../core/observe/trace.ts";
import { traceOf } from "../core/observe/traces.ts";

const INSTANT = { why: "SIGUSR2", now: () => 0, nextTurn: async () => {} };

function shown(traces: Trace[]): string[] {
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line), flush: async () => {} };
  tracesShower({ ...INSTANT, proxy: { traces: () => traces }, log })();
  return lines;
}

function longTraces(): Trace[] {
  return Array.from({ length: 100 }, (_each, i) => traceOf(`${i}`, { path: "x".repeat(TRACES_LENGTH_MAX / 50) }));
}

describe("showing traces", () => {
  it("says how many come, then one line of JSON each, then that it was all", () => {
    const lines = shown([traceOf("b"), traceOf("a")]);
    assert.deepEqual(
      [lines[0], lines.at(-1)],
      ["millrace: SIGUSR2: traces kept: 2", "millrace: SIGUSR2: end of the traces"],
    );
    assert.deepEqual(
      lines.slice(1, -1).map((line) => JSON.parse(line).requestId),
      ["b", "a"],
    );
    assert.deepEqual(shown([]), ["millrace: SIGUSR2: traces kept: 0", "millrace: SIGUSR2: end of the traces"]);
  });

  it("stops at a bound, which it says", () => {
    const lines = shown(longTraces());
    assert.equal(lines[0], "millrace: SIGUSR2: traces kept: the newest 49 of 100");
    assert.equal(lines.length, 51);
    assert.ok(lines.join("\n").length <= TRACES_LENGTH_MAX + 200);
  });

  it("lets requests have their turn every few milliseconds, and nothing come between its lines", async () => {
    const traces = Array.from({ length: 10 }, (_each, i) => traceOf(`${i}`));
    let nowMs = 0;
    let turns = 0;
    const lines: string[] = [];
    const log = { write: (line: string) => void lines.push(line), flush: async () => {} };
    const nextTurn = async () => {
      turns++;
      log.write("of the log");
    };
    const done = new Promise<void>((resolve) => {
      const flush = async () => resolve();
      // Each look at the clock finds it a millisecond later.
      const now = () => nowMs++;
      tracesShower({ proxy: { traces: () => traces }, why: "SIGUSR2", log: { ...log, flush }, now, nextTurn })();
    });
    await done;
    assert.equal(turns, 5);
    const own = lines.slice(lines.findIndex((line) => line.includes("traces kept")));
    assert.equal(own.length, 12);
    assert.ok(!own.includes("of the log"));
  });

  it("writes them once more, not many times at once, for all who ask meanwhile", async () => {
    const traces = longTraces();
    let text = "";
    let read: () => void = () => {};
    const log = new LineWriter(async (bytes) => {
      await new Promise<void>((resolve) => {
        read = resolve;
      });
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    });
    const show = tracesShower({ ...INSTANT, proxy: { traces: () => traces }, log });
    for (let i = 0; i < 10; i++) show();
    log.write("of the log");
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      read();
    }
    await log.flush();
    assert.equal(log.dropped, 0);
    assert.equal(text.split("traces kept").length - 1, 2);
    assert.ok(text.includes("\nof the log\n"));
    show();
    read();
    await new Promise((resolve) => setTimeout(resolve, 1));
    read();
    await log.flush();
    assert.equal(text.split("traces kept").length - 1, 3);
  });
});
