import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Surroundings } from "../../../core/upstream/connections.ts";
import type { UpstreamDefinition } from "../../../core/upstream/definition.ts";
import { Group } from "../../../core/upstream/group.ts";
import { createSimulation } from "../../support/sim.ts";
import { addressOf } from "../../support/wire.ts";
import { namesBench, serverNamed } from "./discovery-parts.ts";

function groupOf(weights: readonly number[], balance: string): Group {
  const definition: UpstreamDefinition = {
    name: "app",
    servers: weights.map((weight, i) => ({
      label: "abcdefgh"[i] as string,
      address: addressOf(`127.0.0.1:${9000 + i}`),
      weight,
      connectionsMax: Number.POSITIVE_INFINITY,
    })),
    balance,
    timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
    pool: { idleMax: 1, idleMs: 1, queueMax: 1, queueMs: 1 },
  };
  return new Group(definition, surroundings);
}

const surroundings: Surroundings = {
  runtime: createSimulation({ seed: 1 }).runtime,
  timers: new Timers(0),
  slab: new Slab(),
};

const picks = (group: Group, count: number): string =>
  Array.from({ length: count }, () => group.pick({ tried: [] })?.label ?? "-").join("");

describe("a group of servers", () => {
  it("takes turns by weight", () => {
    assert.equal(picks(groupOf([5, 1, 1], "round-robin"), 14), "aabacaaaabacaa");
  });

  it("prefers who has least to do, for its weight", () => {
    const group = groupOf([1, 1, 2], "least-busy");
    const [a, b, c] = group.endpoints;
    if (a && b && c) [a.inFlight, b.inFlight, c.inFlight] = [1, 1, 1];
    assert.equal(picks(group, 1), "c");
    if (c) c.inFlight = 4;
    if (b) b.inFlight = 0;
    assert.equal(picks(group, 1), "b");
  });

  it("of one needs no turns; of none has nobody", () => {
    assert.equal(picks(groupOf([1], "round-robin"), 3), "aaa");
    assert.equal(picks(groupOf([], "round-robin"), 1), "-");
  });

  it("passes over a server that has failed too often, then lets one request try it", () => {
    const group = groupOf([1, 1, 1], "round-robin");
    const [a] = group.endpoints;
    for (let i = 0; i < 5; i++) if (a) group.report(a, "broken", -1);
    assert.equal(picks(group, 4), "bcbc");
    a?.health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    const round = picks(group, 9);
    assert.equal(round.replaceAll(/[bc]/g, ""), "a", round);
    if (a) group.report(a, "success", -1);
    assert.equal(picks(group, 30).replaceAll(/[bc]/g, "").length, 10, "one of three again");
  });

  it("obeys an operator", () => {
    const group = groupOf([1, 1], "round-robin");
    assert.ok(group.setServerState("a", "maintenance"));
    assert.equal(picks(group, 3), "bbb");
    assert.ok(group.setServerState("b", "drain"));
    assert.equal(picks(group, 1), "-");
    assert.ok(!group.setServerState("z", "drain"));
  });

  it("keeps the health of servers that stay, and watches new ones", () => {
    const group = groupOf([1, 1, 1], "round-robin");
    const [a, b] = group.endpoints;
    for (let i = 0; i < 5; i++) if (a) group.report(a, "broken", -1);
    const next = new Group(group.definition, surroundings, group);
    next.takeOver();
    assert.equal(next.endpoints[0], a);
    assert.equal(picks(next, 3).includes("a"), false);
    if (b) for (let i = 0; i < 5; i++) next.report(b, "broken", -1);
    assert.equal(b?.health.state, "up", "half of three is one");
  });

  it("refuses a balancer nobody knows", () => {
    assert.throws(() => groupOf([1], "luck"), /app: unknown balancer/);
  });
});

describe("a group whose servers are found", () => {
  const found: UpstreamDefinition = {
    name: "app",
    servers: [],
    sources: [{ kind: "name", server: serverNamed("app.internal", 9000) }],
    balance: "round-robin",
    timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
    pool: { idleMax: 1, idleMs: 1, queueMax: 1, queueMs: 1 },
  };
  const bench = () => {
    const { sim, names, pass } = namesBench();
    names.start();
    const { timers } = names;
    const surroundings = {
      runtime: sim.runtime,
      timers,
      slab: new Slab(),
      discovery: { names, lists: null, notify: () => {} },
    };
    return { sim, names, pass, surroundings };
  };

  it("has nobody until it finds somebody, and keeps who stays", () => {
    const { sim, pass, surroundings } = bench();
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    const group = new Group(found, surroundings);
    let calls = 0;
    group.whenDiscovered(() => calls++);
    assert.deepEqual([group.pick({ tried: [] }), calls], [null, 0]);
    pass(10);
    const [first] = group.endpoints;
    assert.deepEqual([first?.label, calls], ["app.internal:9000/10.0.0.1", 1]);
    sim.zone.addresses("app.internal", ["10.0.0.0", "10.0.0.1"], 1);
    pass(2_000);
    assert.equal(group.endpoints[1], first);
    assert.equal(first?.isRetired, false);
  });

  it("hands what it found to its successor, and looks no further", () => {
    const { sim, names, pass, surroundings } = bench();
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    const group = new Group(found, surroundings);
    pass(10);
    const next = new Group({ ...found, balance: "least-busy" }, surroundings, group);
    assert.deepEqual(next.endpoints, group.endpoints);
    next.takeOver();
    sim.zone.addresses("app.internal", ["10.0.0.2"], 1);
    pass(2_000);
    assert.equal(next.endpoints[0]?.label, "app.internal:9000/10.0.0.2");
    assert.equal(group.endpoints[0]?.label, "app.internal:9000/10.0.0.1");
    assert.equal(group.endpoints[0]?.isRetired, true);
    next.retire();
    assert.equal(names.count, 0);
  });

  it("lets go of names when it is given up", () => {
    const { names, pass, surroundings } = bench();
    const group = new Group(found, surroundings);
    const next = new Group({ ...found, balance: "least-busy" }, surroundings, group);
    next.abandon();
    pass(10);
    assert.equal(names.count, 1);
    group.retire();
    assert.equal(names.count, 0);
  });

  it("needs somebody who finds them", () => {
    const { surroundings } = bench();
    const { discovery: _, ...without } = surroundings;
    assert.throws(() => new Group(found, without), /app: nobody is here to find its servers/);
  });
});

describe("a group that follows another", () => {
  const { runtime } = createSimulation({ seed: 1 });
  const surroundings = { runtime, timers: new Timers(0), slab: new Slab() };
  const define = (ports: readonly number[], weight = 1): UpstreamDefinition => ({
    name: "app",
    servers: ports.map((port) => ({
      label: `s${port}`,
      address: addressOf(`127.0.0.1:${port}`),
      weight,
      connectionsMax: Number.POSITIVE_INFINITY,
    })),
    balance: "round-robin",
    timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
    pool: { idleMax: 1, idleMs: 1, queueMax: 1, queueMs: 1 },
  });

  it("shares its servers, and changes nothing about them before it takes over", () => {
    const before = new Group(define([1, 2]), surroundings);
    const after = new Group(define([2, 3], 5), surroundings, before);
    const [one, two] = before.endpoints;
    assert.equal(after.endpoints[0], two);
    assert.deepEqual([one?.isRetired, two?.weight], [false, 1]);
    after.takeOver();
    assert.deepEqual([one?.isRetired, two?.isRetired, two?.weight], [true, false, 5]);
    assert.deepEqual(
      after.endpoints.map(({ isRetired }) => isRetired),
      [false, false],
    );
  });

  it("that never takes over retires only what is its own", () => {
    const before = new Group(define([1, 2]), surroundings);
    const after = new Group(define([2, 3]), surroundings, before);
    after.abandon();
    assert.deepEqual(
      before.endpoints.map(({ isRetired }) => isRetired),
      [false, false],
    );
    assert.ok(after.endpoints[1]?.isRetired);
  });

  it("may get another list before it takes over", () => {
    const before = new Group(define([1, 2]), surroundings);
    const after = new Group(define([2, 3]), surroundings, before);
    const three = after.endpoints[1];
    after.setServers(define([1, 4]).servers);
    assert.ok(three?.isRetired, "it was nobody else's");
    assert.deepEqual(
      before.endpoints.map(({ isRetired }) => isRetired),
      [false, false],
    );
    assert.equal(after.endpoints[0], before.endpoints[0]);
    after.takeOver();
    assert.deepEqual(
      before.endpoints.map(({ isRetired }) => isRetired),
      [false, true],
    );
  });

  it("keeps each of several servers on one address", () => {
    const group = new Group(define([1, 1]), surroundings);
    const both = [...group.endpoints];
    group.setServers(define([1, 1]).servers);
    assert.deepEqual(group.endpoints, both);
    group.setServers(define([1]).servers);
    assert.deepEqual(
      both.map(({ isRetired }) => isRetired),
      [false, true],
    );
  });

  it("is warm when nobody has anything to get ready", () => {
    let isWarm = false;
    new Group(define([1]), surroundings).warm(() => {
      isWarm = true;
    });
    assert.ok(isWarm);
  });
});
