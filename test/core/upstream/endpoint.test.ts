import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { createSimulation } from "../../support/sim.ts";
import { addressOf } from "../../support/wire.ts";

describe("an endpoint", () => {
  it("is called as the configuration calls it, and begins with nothing", () => {
    const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
    const server = { label: "app:80", address: addressOf("127.0.0.1:80"), weight: 3, connectionsMax: 5 };
    const endpoint = new Endpoint(server, { idleMax: 1, idleMs: 1, queueMax: 1, queueMs: 1 }, surroundings);
    const { label, weight, inFlight, turn, connections } = endpoint;
    assert.deepEqual({ label, weight, inFlight, turn }, { label: "app:80", weight: 3, inFlight: 0, turn: 0 });
    assert.deepEqual([connections.count, connections.idleCount], [0, 0]);
  });
});
