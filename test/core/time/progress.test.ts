import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { RATE_GRACE_MS } from "../../../core/limits.ts";
import { type Pace, ProgressWatch } from "../../../core/time/progress.ts";

const IDLE_MS = 60_000;
const RATE = 500;

type Event = readonly ["wait" | "stop", number] | readonly ["moved", number, number];

/** What a watch says at `atMs` after these events, each with its time (and bytes). */
function check(events: readonly Event[], atMs: number, expected: Pace): void {
  const watch = new ProgressWatch();
  watch.begin(0);
  for (const event of events) {
    if (event[0] === "moved") watch.moved(event[2], event[1]);
    else watch[event[0]](event[1]);
  }
  assert.equal(watch.pace(atMs, IDLE_MS, RATE), expected, `${JSON.stringify(events)} at ${atMs} ms`);
}

describe("ProgressWatch", () => {
  it("calls a peer idle that stood still for the whole time we waited", () => {
    const bytes = 100_000;
    check(
      [
        ["moved", 0, bytes],
        ["wait", 0],
      ],
      IDLE_MS - 1,
      "moving",
    );
    check(
      [
        ["moved", 0, bytes],
        ["wait", 0],
      ],
      IDLE_MS,
      "idle",
    );
    check(
      [
        ["wait", 0],
        ["moved", 30_000, bytes],
      ],
      IDLE_MS + 29_999,
      "moving",
    );
    check(
      [
        ["wait", 0],
        ["moved", 30_000, bytes],
      ],
      IDLE_MS + 30_000,
      "idle",
    );
  });

  it("doesn't blame a peer for time in which we did not wait for it", () => {
    check([], 10 * IDLE_MS, "moving");
    check(
      [
        ["wait", 0],
        ["stop", 1_000],
      ],
      10 * IDLE_MS,
      "moving",
    );
    check(
      [
        ["wait", 0],
        ["moved", 0, 1],
        ["stop", 1_000],
        ["wait", 500_000],
      ],
      500_000 + 9_000,
      "moving",
    );
    check(
      [
        ["wait", 0],
        ["moved", 0, 1],
        ["stop", 1_000],
        ["wait", 500_000],
      ],
      500_000 + 9_001,
      "slow",
    );
  });

  it("calls a peer idle, not slow, that has sent nothing yet: it may wait for a 100 itself", () => {
    check([["wait", 0]], IDLE_MS - 1, "moving");
    check([["wait", 0]], IDLE_MS, "idle");
  });

  it("calls a peer slow below the rate, after the time of grace", () => {
    check(
      [
        ["wait", 0],
        ["moved", 0, 10],
      ],
      RATE_GRACE_MS,
      "moving",
    );
    check(
      [
        ["wait", 0],
        ["moved", 0, 10],
      ],
      RATE_GRACE_MS + 1,
      "slow",
    );
    const enough = (RATE * 20_000) / 1000;
    check(
      [
        ["wait", 0],
        ["moved", 0, enough],
      ],
      20_000,
      "moving",
    );
    check(
      [
        ["wait", 0],
        ["moved", 0, enough - 1],
      ],
      20_000,
      "slow",
    );
  });

  it("goes on with the same wait when told twice", () => {
    check(
      [
        ["wait", 0],
        ["moved", 5_000, 1_000_000],
        ["wait", 50_000],
      ],
      65_000,
      "idle",
    );
    check(
      [
        ["stop", 5_000],
        ["wait", 6_000],
        ["stop", 6_001],
        ["stop", 90_000],
      ],
      90_000,
      "moving",
    );
  });

  it("forgets all with the next begin", () => {
    const watch = new ProgressWatch();
    watch.begin(0);
    watch.wait(0);
    assert.equal(watch.pace(IDLE_MS, IDLE_MS, RATE), "idle");
    watch.begin(IDLE_MS);
    assert.equal(watch.pace(2 * IDLE_MS, IDLE_MS, RATE), "moving");
    watch.wait(2 * IDLE_MS);
    assert.equal(watch.pace(2 * IDLE_MS + RATE_GRACE_MS, IDLE_MS, RATE), "moving");
  });

  it("asks to be looked at when it may be idle, but every five seconds", () => {
    const watch = new ProgressWatch();
    watch.begin(0);
    watch.wait(0);
    assert.equal(watch.nextCheckMs(0, 60_000), 5_000);
    assert.equal(watch.nextCheckMs(57_000, 60_000), 3_000);
    assert.equal(watch.nextCheckMs(0, 200), 200);
    assert.equal(watch.nextCheckMs(300, 200), 0);
  });
});
