import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { createRoundRobin } from "../../../core/balance/round-robin.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import type { TraceSkipped } from "../../../core/observe/trace.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { ServerDefinition } from "../../../core/upstream/definition.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { skippedServers } from "../../../core/upstream/skipped.ts";
import { tiersOf } from "../../../core/upstream/tier.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { POOL, serverOf } from "./definitions.ts";

let endpoints: Endpoint[];
let tried: Endpoint[];
let absent: Endpoint[];

function add(label: string, own: Partial<ServerDefinition> = {}): Endpoint {
  const surroundings = { runtime: createSimulation({ seed: 1 }).runtime, timers: new Timers(0), slab: new Slab() };
  const endpoint = new Endpoint({ ...serverOf("127.0.0.1:1", own), label }, POOL, surroundings);
  endpoints.push(endpoint);
  return endpoint;
}

function skipped(endpoint: Endpoint | null): TraceSkipped {
  const tiers = tiersOf(endpoints, createRoundRobin);
  for (const tier of tiers) tier.setAvailable(endpoints.filter((each) => !absent.includes(each)));
  return skippedServers(endpoints, { tiers, tried, endpoint, seenAt: "choice" });
}

/** One server beside the chosen one, and what is said of it. */
function said(own: Partial<ServerDefinition>, change: (endpoint: Endpoint) => void): string {
  const chosen = add("chosen");
  change(add("other", own));
  return skipped(chosen)
    .servers.map(({ server, reason, detail }) => `${server} ${reason}: ${detail}`)
    .join();
}

beforeEach(() => {
  endpoints = [];
  tried = [];
  absent = [];
});

describe("servers that were skipped", () => {
  for (const state of ["down", "ejected", "drain", "maintenance"] as const) {
    it(`are told with the reason of their health: ${state}`, () => {
      const text = said({}, (other) => {
        Object.assign(other.health, { state, reason: "why so" });
        absent.push(other);
      });
      assert.equal(text, `other ${state}: why so`);
    });
  }

  it("may refuse connections, be on trial, or have come back only now", () => {
    const refusing = said({}, (other) => {
      Object.assign(other.health, { isRefusing: true });
      absent.push(other);
    });
    assert.equal(refusing, "other refusing: nothing listens there");
    const absence = (state: string): string => {
      endpoints = [];
      return said({}, (other) => {
        Object.assign(other.health, { state });
        absent.push(other);
      });
    };
    assert.match(absence("probing"), /^other probing: one request shows first/);
    assert.match(absence("up"), /^other unavailable: it was not well/);
  });

  it("may have been tried, be full, or come later in line", () => {
    assert.match(
      said({}, (other) => void tried.push(other)),
      /^other tried/,
    );
    endpoints = [];
    assert.equal(
      said({ connectionsMax: 2 }, (other) => {
        other.inFlight = 2;
      }),
      "other full: 2 requests of 2",
    );
    endpoints = [];
    assert.equal(
      said({ priority: 3 }, () => {}),
      "other lower-priority: priority 3",
    );
    endpoints = [];
    assert.match(
      said({ isBackup: true }, () => {}),
      /^other backup/,
    );
  });

  it("are not those that were well, except while they start slowly", () => {
    assert.equal(
      said({}, () => {}),
      "",
    );
    endpoints = [];
    assert.equal(
      said({}, (other) => other.setWarmth(0.25)),
      "other slow-start: with 25 % of its weight",
    );
  });

  it("may be all of them", () => {
    absent.push(add("a"), add("b"));
    assert.deepEqual(
      [
        skipped(null).of,
        skipped(null).servers.length,
        skippedServers([], { tiers: [], tried, endpoint: null, seenAt: "end" }).of,
      ],
      [2, 2, 0],
    );
    absent.push(...Array.from({ length: 300 }, (_, i) => add(`c${i}`)));
    const told = (isAll: boolean) =>
      skippedServers(endpoints, { tiers: [], tried, endpoint: null, seenAt: "choice", isAll }).servers.length;
    assert.deepEqual([told(false), told(true)], [16, 302]);
  });

  it("are listed and looked for up to a bound", () => {
    for (let i = 0; i < 16; i++) tried.push(add(`${i}`));
    assert.deepEqual([skipped(null).servers.length, skipped(null).isCut], [16, false]);
    tried.push(add("one more"));
    assert.deepEqual([skipped(null).servers.length, skipped(null).isCut], [16, true]);
    endpoints = [];
    for (let i = 0; i < 256; i++) add(`${i}`);
    assert.equal(skipped(null).isCut, false);
    tried = [add("beyond")];
    assert.deepEqual([skipped(null).servers.length, skipped(null).isCut], [0, true]);
  });
});
