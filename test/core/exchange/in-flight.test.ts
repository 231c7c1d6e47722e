import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { InFlight } from "../../../core/exchange/in-flight.ts";

describe("requests under way", () => {
  it("are served up to the limit, and again when one has left", () => {
    const inFlight = new InFlight(2);
    assert.deepEqual([inFlight.enter(), inFlight.enter(), inFlight.enter()], [true, true, false]);
    inFlight.leave(); // the refused one
    assert.equal(inFlight.enter(), false);
    inFlight.leave();
    inFlight.leave();
    assert.equal(inFlight.enter(), true);
    assert.equal(inFlight.count, 2);
  });

  it("go by a limit that changes meanwhile", () => {
    const inFlight = new InFlight(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 5; i++) assert.ok(inFlight.enter());
    inFlight.max = 3;
    assert.equal(inFlight.enter(), false);
  });
});
