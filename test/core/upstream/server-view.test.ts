import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Group } from "../../../core/upstream/group.ts";
import { serverViews } from "../../../core/upstream/server-view.ts";

describe("servers as they are now", () => {
  it("are listed for all upstreams, in their order", () => {
    const health = { state: "up", reason: "so", sinceMs: 5, streak: 2, isRefusing: false, secret: "not for outside" };
    const groupOf = (...labels: string[]): Group =>
      ({ endpoints: labels.map((label) => ({ label, health, inFlight: 1, weight: 3 })) }) as unknown as Group;
    const views = serverViews(
      new Map([
        ["b", groupOf("s:1", "s:2")],
        ["a", groupOf()],
      ]),
    );
    assert.deepEqual(
      views.map(({ upstream, server }) => `${upstream} ${server}`),
      ["b s:1", "b s:2"],
    );
    assert.deepEqual(views[0], {
      upstream: "b",
      server: "s:1",
      state: "up",
      reason: "so",
      sinceMs: 5,
      failuresInARow: 2,
      isRefusing: false,
      inFlight: 1,
      weight: 3,
    });
  });
});
