import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { ServerDefinition } from "../../../core/upstream/definition.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { POOL, serverOf } from "./definitions.ts";

const SERVER = serverOf("127.0.0.1:80", { label: "app:80", weight: 8, connectionsMax: 5 });
const NOTHING = { weightShare: null, weight: null, connectionsMax: null, admin: null, isUp: null, why: "" };

function endpointOf(server: Partial<ServerDefinition> = {}): Endpoint {
  const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
  return new Endpoint({ ...SERVER, ...server }, POOL, surroundings);
}

describe("an endpoint", () => {
  it("begins in the state that is configured, and changes it only when that changes", () => {
    const endpoint = endpointOf({ state: "drain" });
    assert.equal(endpoint.health.state, "drain");
    endpoint.health.setOperatorState("ready", "an operator says so");
    endpoint.reconfigure({ ...SERVER, state: "drain" }, POOL);
    assert.equal(endpoint.health.state, "up", "nothing new");
    endpoint.reconfigure({ ...SERVER, state: "maintenance" }, POOL);
    assert.deepEqual([endpoint.health.state, endpoint.health.reason], ["maintenance", "the configuration says so"]);
    endpoint.reconfigure(SERVER, POOL);
    assert.equal(endpoint.health.state, "up");
  });

  it("has the weight its agent says, as long as it says one", () => {
    const endpoint = endpointOf();
    assert.ok(endpoint.adjust({ ...NOTHING, weightShare: 0.25 }));
    assert.equal(endpoint.weight, 2);
    assert.ok(endpoint.adjust({ ...NOTHING, connectionsMax: 1 }));
    assert.deepEqual([endpoint.weight, endpoint.connectionsMax], [2, 1], "the weight stays");
    endpoint.reconfigure({ ...SERVER, weight: 100 }, POOL);
    assert.equal(endpoint.weight, 25);
    assert.ok(endpoint.adjust({ ...NOTHING, weight: 7 }));
    assert.equal(endpoint.weight, 7);
    assert.ok(endpoint.adjust({ ...NOTHING, weightShare: 0 }));
    assert.equal(endpoint.weight, 100, "none is to be drained, which is not the balancer's business");
    endpoint.adjust({ ...NOTHING, weight: 7 });
    assert.ok(endpoint.adjust(null));
    assert.equal(endpoint.weight, 100);
  });

  for (const [configured, said, expected] of [
    [5, 3, 3],
    [5, 9, 5],
    [Number.POSITIVE_INFINITY, 2, 2],
  ] as const) {
    it(`of at most ${configured} connections whose agent says ${said} has ${expected}`, () => {
      const endpoint = endpointOf({ connectionsMax: configured });
      endpoint.adjust({ ...NOTHING, connectionsMax: said });
      const borrower = { connectMs: 1_000, onLease() {}, onLeaseFailed() {} };
      for (let i = 0; i < 12; i++) {
        if (endpoint.connections.hasPlaceFor(false)) endpoint.connections.lease({ ...borrower }, false);
      }
      assert.equal(endpoint.connections.count, expected);
    });
  }

  it("is called as the configuration calls it, and begins with nothing", () => {
    const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
    const server = serverOf("127.0.0.1:80", { label: "app:80", weight: 3, connectionsMax: 5 });
    const endpoint = new Endpoint(server, POOL, surroundings);
    const { label, weight, inFlight, turn, connections } = endpoint;
    assert.deepEqual({ label, weight, inFlight, turn }, { label: "app:80", weight: 3, inFlight: 0, turn: 0 });
    assert.deepEqual([connections.count, connections.idleCount], [0, 0]);
  });
});
