import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createLeastTime } from "../../../core/balance/least-time.ts";
import { servers, take, toolsOf } from "./servers.ts";

describe("least-time", () => {
  function check(latencies: readonly number[], expected: string, weights = latencies.map(() => 1)): void {
    const list = servers(weights);
    const balancer = createLeastTime(toolsOf(1));
    for (const [i, ms] of latencies.entries()) if (ms >= 0) balancer.observe(list[i]!, ms);
    assert.equal(take(balancer, list, expected.length), expected, `${latencies} ms, weights ${weights}`);
  }

  it("takes the fastest, and turns among those within the same 20 ms", () => {
    check([90, 30, 50], "bbb");
    check([0, 19.9, 20], "abab");
    check([39, 20, 25], "abcabc");
  });

  it("holds everything above 5 s for the same, and an unknown one for fast", () => {
    check([5_001, 60_000], "abab");
    check([4_000, 60_000], "aa");
    check([25, -1], "bb");
  });

  it("multiplies by what is under way, and divides by weight", () => {
    const list = servers([1, 1]);
    const balancer = createLeastTime(toolsOf(1));
    balancer.observe(list[0]!, 10);
    balancer.observe(list[1]!, 50);
    // 20, 40, 60 against 60: then turns decide.
    assert.equal(take(balancer, list, 3, true).slice(0, 2), "aa");
    check([10, 50], "bb", [1, 4]);
  });

  it("averages slowly, the first answer counting in full", () => {
    const [server] = servers([1]);
    const balancer = createLeastTime(toolsOf(1));
    balancer.observe(server!, 100);
    assert.equal(server!.latencyMs, 100);
    balancer.observe(server!, 200);
    assert.equal(server!.latencyMs, 105);
  });

  it("takes an unknown one by its first answer, however long it has been there", () => {
    const tools = toolsOf(1);
    const list = servers([1]);
    const balancer = createLeastTime(tools);
    // More halvings than a number can tell from none at all.
    tools.time = 1_100 * 10_000;
    assert.equal(take(balancer, list, 1), "a");
    balancer.observe(list[0]!, 100);
    assert.equal(list[0]!.latencyMs, 100);
  });

  it("halves what it knows for every ten seconds without being chosen, so that nobody starves", () => {
    const tools = toolsOf(1);
    const list = servers([1, 1]);
    const balancer = createLeastTime(tools);
    balancer.observe(list[0]!, 10);
    balancer.observe(list[1]!, 300);
    let triedAfterMs = 0;
    for (; tools.time < 100_000; tools.time += 1_000) {
      if (!take(balancer, list, 1).includes("b")) continue;
      triedAfterMs = tools.time;
      break;
    }
    // 300, 150, 75, 37.5, 18.75: within the 20 ms of the other.
    assert.equal(triedAfterMs, 40_000);
    // Having been chosen it is known again for what it is, until it answers.
    assert.equal(take(balancer, list, 3), "aaa");
    // The answer is averaged with what was left.
    balancer.observe(list[1]!, 10);
    assert.equal(list[1]!.latencyMs, (300 / 16) * 0.95 + 10 * 0.05);
    assert.ok(take(balancer, list, 4).includes("b"));
  });
});
