import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createPeakEwma } from "../../../core/balance/peak-ewma.ts";
import { choiceOf, isNear, servers, take, tallyOf, toolsOf } from "./servers.ts";

describe("peak EWMA", () => {
  it("takes of two the one that answers sooner, counting what is under way", () => {
    const list = servers([1, 1]);
    const [a, b] = list;
    const balancer = createPeakEwma(toolsOf(1));
    assert.ok(balancer.wantsLatency);
    balancer.observe(a!, 10);
    balancer.observe(b!, 45);
    assert.equal(take(balancer, list, 6, true), "aaaaba");
  });

  it("jumps up at once, and comes down with time", () => {
    const tools = toolsOf(1);
    const [server] = servers([1]);
    const balancer = createPeakEwma(tools);
    balancer.observe(server!, 100);
    assert.equal(server!.latencyMs, 100);
    balancer.observe(server!, 500);
    assert.equal(server!.latencyMs, 500);
    balancer.observe(server!, 100);
    assert.equal(server!.latencyMs, 500, "no time has passed");
    tools.time += 10_000;
    balancer.observe(server!, 100);
    assert.ok(Math.abs(server!.latencyMs - (500 / Math.E + 100 * (1 - 1 / Math.E))) < 1e-9);
  });

  it("tries a server again that was slow once, though nobody asks it meanwhile", () => {
    const tools = toolsOf(1);
    const list = servers([1, 1]);
    const [a, b] = list;
    const balancer = createPeakEwma(tools);
    balancer.observe(a!, 20);
    balancer.observe(b!, 2_000);
    const isTried = (): boolean => take(balancer, list, 10).includes("b");
    assert.ok(!isTried());
    for (let second = 1; second <= 30; second++) {
      tools.time += 1_000;
      balancer.observe(a!, 20);
      // 2,000 falls below 20 after 10 s × ln(100).
      assert.equal(isTried(), second > 46, `after ${second} s`);
    }
    for (let second = 31; second <= 60; second++) {
      tools.time += 1_000;
      balancer.observe(a!, 20);
      if (isTried()) {
        assert.equal(second, 47);
        return;
      }
    }
    assert.fail("never tried again");
  });

  it("has nobody of nobody", () => {
    assert.equal(createPeakEwma(toolsOf(1)).choose(choiceOf(servers([1]), []), ""), null);
  });

  it("takes one that nobody knows for as fast as the other", () => {
    const list = servers([1, 1]);
    const [a, b] = list;
    const balancer = createPeakEwma(toolsOf(1));
    balancer.observe(a!, 800);
    b!.inFlight = 1;
    assert.equal(take(balancer, list, 5), "aaaaa", "not that of all requests until it first answers");
    a!.inFlight = 2;
    assert.equal(take(balancer, list, 5), "bbbbb");
  });

  it("divides by weight, and goes by lot among equals", () => {
    const heavy = servers([3, 1]);
    const balancer = createPeakEwma(toolsOf(1));
    for (const server of heavy) balancer.observe(server, 50);
    assert.equal(take(balancer, heavy, 2, true), "aa");
    heavy[0]!.inFlight = 3;
    assert.equal(take(balancer, heavy, 1), "b");
    const even = servers([1, 1, 1]);
    const tally = tallyOf(even, 3_000, () => balancer.choose(choiceOf(even), ""));
    for (const count of tally) assert.ok(isNear(count, 3_000, 1 / 3), String(tally));
  });
});
