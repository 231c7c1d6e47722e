import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { BREAKER_CALM_MS } from "../../../core/limits.ts";
import type { Notice } from "../../../core/observe/events.ts";
import { Timers } from "../../../core/time/timers.ts";
import { Breaker, type BreakerCaps, NO_CAPS } from "../../../core/upstream/breaker.ts";

let timers: Timers;
let notices: Notice[];

function breakerWith(caps: Partial<BreakerCaps>): Breaker {
  const observer = { wantsTimes: false, onExchange() {}, onNotice: (notice: Notice) => void notices.push(notice) };
  return new Breaker("app", { ...NO_CAPS, ...caps }, timers, observer);
}

const wait = (ms: number): void => {
  for (const end = timers.nowMs + ms; timers.nowMs < end; ) timers.advance(timers.nowMs + 50);
};

beforeEach(() => {
  timers = new Timers(0);
  notices = [];
});

describe("the breaker of an upstream", () => {
  it("lets n requests in and refuses one more, until one leaves", () => {
    const breaker = breakerWith({ inFlight: 2 });
    assert.deepEqual([breaker.enter(), breaker.enter(), breaker.enter()], [true, true, false]);
    breaker.leave();
    assert.deepEqual([breaker.enter(), breaker.enter()], [true, false]);
    assert.equal(breaker.inFlight, 2);
  });

  it("does the same for further tries", () => {
    const breaker = breakerWith({ retries: 1 });
    assert.deepEqual([breaker.enterRetry(), breaker.enterRetry()], [true, false]);
    breaker.endRetry();
    assert.ok(breaker.enterRetry());
  });

  it("refuses nothing without caps", () => {
    const breaker = breakerWith({});
    for (let i = 0; i < 10_000; i++) assert.ok(breaker.enter() && breaker.enterRetry());
  });

  it("says once that it is open, and once that it has been calm", () => {
    const breaker = breakerWith({ inFlight: 1 });
    for (let i = 0; i < 11; i++) breaker.enter();
    const about = { kind: "breaker", upstream: "app", cap: "inFlight", limit: 1 };
    assert.deepEqual(notices.splice(0), [{ ...about, isOpen: true, refused: 1 }]);
    wait(BREAKER_CALM_MS + 100);
    breaker.enter();
    wait(BREAKER_CALM_MS + 100);
    assert.deepEqual(notices, []);
    wait(BREAKER_CALM_MS + 100);
    assert.deepEqual(notices, [{ ...about, isOpen: false, refused: 11 }]);
    breaker.enter();
    assert.equal(notices.length, 2, "and opens again");
    breaker.retire();
    wait(5_000);
    assert.equal(notices.length, 2);
  });
});
