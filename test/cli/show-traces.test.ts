import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LineWriter } from "../../cli/line-writer.ts";
import { showTraces, TRACES_LENGTH_MAX, tracesShower } from "../../cli/show-traces.ts";
import type { Trace } from "../../core/observe/trace.ts";
import { traceOf } from "../core/observe/traces.ts";

function shown(traces: Trace[]): string[] {
  const lines: string[] = [];
  showTraces({ traces: () => traces }, "SIGUSR2", (line) => void lines.push(line));
  return lines;
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
    const traces = Array.from({ length: 100 }, (_each, i) =>
      traceOf(`${i}`, { path: "x".repeat(TRACES_LENGTH_MAX / 50) }),
    );
    const lines = shown(traces);
    assert.equal(lines[0], "millrace: SIGUSR2: traces kept: the newest 49 of 100");
    assert.equal(lines.length, 51);
    assert.ok(lines.join("\n").length <= TRACES_LENGTH_MAX + 200);
  });

  it("writes them once more, not many times at once, for all who ask meanwhile", async () => {
    const traces = Array.from({ length: 100 }, (_each, i) =>
      traceOf(`${i}`, { path: "x".repeat(TRACES_LENGTH_MAX / 50) }),
    );
    let text = "";
    let read: () => void = () => {};
    const log = new LineWriter(async (bytes) => {
      await new Promise<void>((resolve) => {
        read = resolve;
      });
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    });
    const show = tracesShower({ traces: () => traces }, "SIGUSR2", log);
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
