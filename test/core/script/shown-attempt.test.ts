import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ShownAttempt } from "../../../core/script/shown-attempt.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import type { Group } from "../../../core/upstream/group.ts";

const endpoint = (label: string) =>
  ({ label, health: { state: "up" }, weight: 2, inFlight: 1, latencyMs: -1 }) as unknown as Endpoint;

describe("a try as hooks see it", () => {
  it("shows its server among the others, as they are when they are asked for", () => {
    const one = endpoint("one");
    const two = endpoint("two");
    const group = {
      definition: { name: "app" },
      endpoints: [one, two],
      mayPick: (each: Endpoint) => each === one,
    } as unknown as Group;
    const shown = new ShownAttempt({ number: 2, group, endpoint: one, tried: [two], failure: "upstream.reset" });
    assert.deepEqual([shown.number, shown.upstream, shown.server, shown.failure], [2, "app", "one", "upstream.reset"]);
    assert.deepEqual(shown.candidates, [
      { server: "one", state: "up", isEligible: true, isTried: false, weight: 2, inFlight: 1, latencyMs: -1 },
      { server: "two", state: "up", isEligible: false, isTried: true, weight: 2, inFlight: 1, latencyMs: -1 },
    ]);
    one.inFlight = 5;
    assert.equal(shown.candidates[0]?.inFlight, 5);
  });
});
