import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { eligibleOf, type Rated } from "../../../core/health/eligible.ts";

/** One letter per server: h healthy, d down, t awaits its trial, r down and refusing, R up but refusing, x drained. */
function servers(letters: string, tiers = ""): (Rated & { at: number })[] {
  return [...letters].map((letter, at) => ({
    at,
    tier: tiers[at] === "b" ? Number.POSITIVE_INFINITY : Number(tiers[at] ?? 0),
    health: {
      isReady: letter !== "x",
      isHealthy: "hR".includes(letter),
      awaitsTrial: letter === "t",
      isRefusing: "rR".includes(letter),
    },
  }));
}

function picked(letters: string, panicShare = 0.5, tiers = ""): string {
  const { servers: chosen, isPanic } = eligibleOf(servers(letters, tiers), panicShare);
  return chosen.map(({ at }) => at).join("") + (isPanic ? "!" : "");
}

describe("who may be picked", () => {
  for (const [letters, expected, why] of [
    ["", "", "nobody of none"],
    ["hhh", "012", "all that are healthy"],
    ["hhd", "01", "not who is down"],
    ["hht", "012", "who awaits its one request"],
    ["hhx", "01", "not who is drained"],
    ["x", "", "not even the only one when it is drained"],
    ["d", "0", "the only one, whatever its health"],
    ["r", "0", "the only one, even when it refuses"],
    ["dx", "0", "the only one that is not drained"],
    ["hd", "0", "half is enough"],
    ["hdd", "012!", "all, when less than half are healthy"],
    ["hddx", "012!", "all but the drained ones"],
    ["ddd", "012!", "all, when all are down"],
    ["ddr", "01!", "not who refuses while another one accepts"],
    ["drr", "0!", "the last that accepts"],
    ["rrr", "", "nobody when all refuse"],
    ["RRR", "", "nobody when all refuse, though nobody is out yet"],
    ["hhR", "012", "who refused once, for now"],
    ["tdd", "012!", "who awaits its trial is not healthy yet"],
  ] as const) {
    it(`${letters || "(none)"}: ${why}`, () => assert.equal(picked(letters), expected));
  }

  it("Q09 the threshold: exactly half is no panic, 0 never is, 1 is when anyone is missing", () => {
    assert.equal(picked("hhdd"), "01");
    assert.equal(picked("hhddd"), "01234!");
    assert.equal(picked("ddd", 0), "");
    assert.equal(picked("hdd", 0), "0");
    assert.equal(picked("hhd", 1), "012!");
    assert.equal(picked("hhh", 1), "012");
  });

  it("a healthy tier below is no panic, though the others are down", () => {
    assert.equal(picked("dddh", 0.5, "0001"), "3");
    assert.equal(picked("hddh", 0.5, "0001"), "03");
    assert.equal(picked("dddd", 0.5, "0001"), "0123!");
    assert.equal(picked("hddd", 0.5, "0001"), "0123!");
  });

  it("backups that nobody needs yet are no help against panic", () => {
    assert.equal(picked("hddh", 0.5, "000b"), "0123!");
    assert.equal(picked("hhdh", 0.5, "000b"), "013");
    assert.equal(picked("dddh", 0.5, "000b"), "3");
    assert.equal(picked("dddd", 0.5, "000b"), "0123!");
  });

  it("a trial is awaited in its own tier: in panic the first one would have all requests", () => {
    assert.equal(picked("dt", 0.5, "0b"), "1");
    assert.equal(picked("ddt", 0.5, "001"), "2");
    assert.equal(picked("td", 0.5, "0b"), "0");
    assert.equal(picked("ddtd", 0.5, "0011"), "2");
  });

  it("says how many are healthy", () => {
    const { healthy, ready } = eligibleOf(servers("hhdx"), 0.5);
    assert.deepEqual([healthy, ready], [2, 3]);
  });
});
