import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { ResponseSender } from "../../../core/h1/response-sender.ts";
import { SilenceWatch } from "../../../core/h1/silence-watch.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";

const sender = { isBlocked: false, sentBytes: 100 };
let timers: Timers;
let silences: number;
let watch: SilenceWatch;

beforeEach(() => {
  timers = new Timers(0);
  silences = 0;
  Object.assign(sender, { isBlocked: false, sentBytes: 100 });
  watch = new SilenceWatch(sender as unknown as ResponseSender, timers, 1_000, () => silences++);
});

const advance = (ms: number): void => {
  for (let passed = 0; passed < ms; passed += TICK_MS) timers.advance(timers.nowMs + TICK_MS);
};

describe("a client that has ended its half", () => {
  it("is given up after the silence, once", () => {
    advance(950);
    assert.equal(silences, 0);
    advance(150);
    assert.equal(silences, 1);
    advance(5_000);
    assert.equal(silences, 1);
  });

  it("is served on while anything is sent, or while it is the one who is behind", () => {
    for (let round = 0; round < 3; round++) {
      sender.sentBytes += 1;
      advance(1_100);
    }
    sender.isBlocked = true;
    advance(3_300);
    assert.equal(silences, 0);
    sender.isBlocked = false;
    advance(1_100);
    assert.equal(silences, 1);
  });

  it("is not watched any more once it is gone", () => {
    watch.stop();
    advance(5_000);
    assert.equal(silences, 0);
  });
});
