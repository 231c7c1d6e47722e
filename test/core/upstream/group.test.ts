import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { ServerDefinition, UpstreamDefinition } from "../../../core/upstream/definition.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { Group } from "../../../core/upstream/group.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { requestOf, serverOf, upstreamOf } from "./definitions.ts";
import { namesBench, serverNamed } from "./discovery-parts.ts";

/** Servers a, b, c …; those of `own` as it says. */
function serversOf(count: number, own: Record<string, Partial<ServerDefinition>> = {}): ServerDefinition[] {
  return Array.from({ length: count }, (_, i) => {
    const label = "abcdefgh"[i] as string;
    return serverOf(`127.0.0.1:${9000 + i}`, { label, ...own[label] });
  });
}

function groupOf(servers: readonly ServerDefinition[], own: Partial<UpstreamDefinition> = {}) {
  const sim = createSimulation({ seed: 1 });
  const timers = new Timers(sim.runtime.now());
  sim.runtime.every(TICK_MS, () => timers.advance(sim.runtime.now()));
  const surroundings = { runtime: sim.runtime, timers, slab: new Slab() };
  const definition = upstreamOf(servers, { balance: "round-robin", ...own });
  const group = new Group(definition, surroundings);
  const endpoint = (label: string): Endpoint => group.endpoints.find((each) => each.label === label)!;
  return { sim, group, endpoint, definition, surroundings };
}

const picks = (group: Group, count: number, tried: readonly Endpoint[] = []): string =>
  Array.from({ length: count }, () => group.pick(requestOf({ tried }))?.label ?? "-").join("");

describe("a group of servers", () => {
  it("takes turns by weight", () => {
    assert.equal(picks(groupOf(serversOf(3, { a: { weight: 5 } })).group, 14), "aabacaaaabacaa");
  });

  it("prefers who has least to do, for its weight", () => {
    const { group, endpoint } = groupOf(serversOf(3, { c: { weight: 2 } }), { balance: "least-busy" });
    for (const each of group.endpoints) each.inFlight = 1;
    assert.equal(picks(group, 1), "c");
    endpoint("c").inFlight = 4;
    endpoint("b").inFlight = 0;
    assert.equal(picks(group, 1), "b");
  });

  it("of one needs no turns; of none has nobody", () => {
    assert.equal(picks(groupOf(serversOf(1)).group, 3), "aaa");
    assert.equal(picks(groupOf([]).group, 1), "-");
  });

  it("passes over a server that has failed too often, then lets one request try it", () => {
    const { group } = groupOf(serversOf(3));
    const [a] = group.endpoints;
    for (let i = 0; i < 5; i++) if (a) group.report(a, "broken", -1);
    assert.equal(picks(group, 4), "bcbc");
    a?.health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    const round = picks(group, 9);
    assert.equal(round.replaceAll(/[bc]/g, ""), "a", round);
    if (a) group.report(a, "success", -1);
    assert.equal(picks(group, 30).replaceAll(/[bc]/g, "").length, 10, "one of three again");
  });

  it("lets one of those that wait try a server on trial, not all that there is room for", () => {
    const { group, endpoint } = groupOf(serversOf(2));
    const [a, b] = [endpoint("a"), endpoint("b")];
    for (let i = 0; i < 5; i++) group.report(a, "broken", -1);
    const served: Endpoint[] = [];
    const seeker = {
      onPlace(at: Endpoint): void {
        group.onPlaceTaken(at);
        served.push(at);
      },
      onNoPlace: () => assert.fail("there is a server"),
    };
    for (let i = 0; i < 3; i++) group.queue.join(seeker, { only: null, fresh: false, refused: [] }, 60_000);
    a.health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    group.onPlaceFree(a);
    assert.deepEqual(served, [a]);
    group.onPlaceFree(b);
    assert.deepEqual(served, [a, b, b]);
  });

  it("obeys an operator", () => {
    const { group } = groupOf(serversOf(2));
    assert.ok(group.setServerState("a", "maintenance"));
    assert.equal(picks(group, 3), "bbb");
    assert.ok(group.setServerState("b", "drain"));
    assert.equal(picks(group, 1), "-");
    assert.ok(!group.setServerState("z", "drain"));
  });

  it("lets clients that are kept at a server come to it while it is drained, as long as it is well", () => {
    const sticky = { cookie: "stay", secret: "0123456789abcdef", maxAgeSeconds: null };
    const { group, endpoint } = groupOf(serversOf(3), { sticky });
    const a = endpoint("a");
    const cookie = group.stickyCookie({ ...requestOf(), scheme: "http" }, a)!.split(";")[0]!;
    const kept = { ...requestOf({ header: (name) => (name === "cookie" ? cookie : null) }), scheme: "http" };
    const picked = () => group.pick(kept)?.label;
    assert.ok(group.setServerState("a", "drain"));
    assert.deepEqual([picked(), picked()], ["a", "a"]);
    assert.equal(group.stickyCookie(kept, a), null);
    assert.equal(picks(group, 4), "bcbc", "nobody else");
    a.health.onChecked({ isPassed: false, isUp: false, reason: "checked" });
    assert.notEqual(picked(), "a");
    a.health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    assert.equal(picked(), "a");
    a.health.onRefused();
    assert.notEqual(picked(), "a");
    a.health.onAccepted();
    assert.ok(group.setServerState("a", "maintenance"));
    assert.notEqual(picked(), "a");
  });

  it("keeps the health of servers that stay, and watches new ones", () => {
    const { group, surroundings } = groupOf(serversOf(3));
    const [a, b] = group.endpoints;
    for (let i = 0; i < 5; i++) if (a) group.report(a, "broken", -1);
    const next = new Group(group.definition, surroundings, group);
    next.takeOver();
    assert.equal(next.endpoints[0], a);
    assert.equal(picks(next, 3).includes("a"), false);
    if (b) for (let i = 0; i < 5; i++) next.report(b, "broken", -1);
    assert.equal(b?.health.state, "up", "half of three is one");
  });

  it("prefers a server that was not tried, and else takes one that was", () => {
    const { group, endpoint } = groupOf(serversOf(3));
    const [a, b, c] = [endpoint("a"), endpoint("b"), endpoint("c")];
    assert.equal(picks(group, 4, [a]), "bcbc");
    assert.equal(picks(group, 3, [a, c]), "bbb");
    assert.deepEqual(new Set(picks(group, 6, [a, b, c])), new Set("abc"));
  });

  it("takes a full server only when all are full", () => {
    const { group, endpoint } = groupOf(serversOf(3, { a: { connectionsMax: 2 }, b: { connectionsMax: 1 } }));
    endpoint("a").inFlight = 1;
    endpoint("b").inFlight = 1;
    assert.equal(picks(group, 4), "acca");
    endpoint("a").inFlight = 2;
    assert.equal(picks(group, 3), "ccc");
    const { group: full, endpoint: of } = groupOf(serversOf(2, { a: { connectionsMax: 1 }, b: { connectionsMax: 1 } }));
    of("a").inFlight = 1;
    of("b").inFlight = 1;
    assert.equal(picks(full, 4), "abab");
  });

  it("waits for a full server rather than trying another one twice", () => {
    const { group, endpoint } = groupOf(serversOf(2, { b: { connectionsMax: 1 } }));
    endpoint("b").inFlight = 1;
    assert.equal(picks(group, 2, [endpoint("a")]), "bb");
  });

  it("waits for nobody where the one that was tried has a place, and may be asked again", () => {
    const { group, endpoint } = groupOf(serversOf(2, { a: { connectionsMax: 1 }, b: { connectionsMax: 1 } }));
    const [a, b] = [endpoint("a"), endpoint("b")];
    const again = () => group.pick(requestOf({ tried: [a] }), true)?.label;
    assert.equal(again(), "b");
    b.inFlight = 1;
    assert.equal(again(), "a");
    a.inFlight = 1;
    assert.equal(again(), "b");
  });

  it("goes to the next tier when those above were tried or are full", () => {
    const { group, endpoint } = groupOf(
      serversOf(4, { b: { connectionsMax: 1 }, c: { priority: 1 }, d: { isBackup: true } }),
    );
    assert.equal(picks(group, 4), "abab");
    endpoint("b").inFlight = 1;
    assert.equal(picks(group, 2), "aa");
    assert.equal(picks(group, 2, [endpoint("a")]), "cc");
    assert.equal(picks(group, 2, [endpoint("a"), endpoint("c")]), "dd");
  });

  it("lets those that join late or come back start slowly, but nobody at the start", () => {
    const { group, endpoint, sim } = groupOf(serversOf(1), { slowStartMs: 1_000 });
    assert.equal(endpoint("a").weight, 1);
    group.setServers(serversOf(2));
    assert.equal(endpoint("b").weight, 0.1);
    assert.equal(picks(group, 11), "aaaaabaaaaa");
    sim.advance(1_000 + TICK_MS);
    picks(group, 1);
    assert.equal(endpoint("b").weight, 1);
    endpoint("a").health.setOperatorState("maintenance", "a test");
    assert.equal(picks(group, 1), "b");
    sim.advance(TICK_MS);
    endpoint("a").health.setOperatorState("ready", "a test");
    picks(group, 1);
    assert.equal(endpoint("a").weight, 0.1);
  });

  it("starts what a reload adds slowly, and leaves the rest as it is", () => {
    const { group, definition, surroundings } = groupOf(serversOf(1), { slowStartMs: 1_000 });
    const next = new Group({ ...definition, servers: serversOf(2) }, surroundings, group);
    assert.equal(next.endpoints[0], group.endpoints[0]);
    assert.deepEqual(
      next.endpoints.map(({ weight }) => weight),
      [1, 0.1],
    );
  });

  it("counts a slow start from when the reload has gone through", () => {
    const { group, definition, surroundings, sim } = groupOf(serversOf(1), { slowStartMs: 1_000 });
    const next = new Group({ ...definition, servers: serversOf(2) }, surroundings, group);
    sim.advance(1_000 + TICK_MS);
    next.takeOver();
    picks(next, 1);
    const weights = (): number[] => next.endpoints.map(({ weight }) => weight);
    assert.deepEqual(weights(), [1, 0.1]);
    sim.advance(1_000 + TICK_MS);
    picks(next, 1);
    assert.deepEqual(weights(), [1, 1]);
  });

  it("shares out anew when an agent changes weights, and passes over who wants no more connections", () => {
    const { group, endpoint } = groupOf(serversOf(2));
    endpoint("a").adjust({ weightShare: null, weight: 3, connectionsMax: 1 } as never);
    group.onEligibilityChanged();
    assert.equal(picks(group, 4), "aaba");
    endpoint("a").inFlight = 1;
    assert.equal(picks(group, 2), "bb");
  });

  it("takes a failure for a slow answer, and what was given up for nothing", () => {
    const { group, endpoint } = groupOf(serversOf(5), { balance: "peak-ewma" });
    const cases = [
      ["a", "success", 20, 20],
      ["b", "server-error", 2, 1_000],
      ["c", "gateway-error", 3_000, 3_000],
      ["d", "broken", -1, 1_000],
      ["e", "abandoned", -1, -1],
    ] as const;
    for (const [label, outcome, latencyMs, known] of cases) {
      group.report(endpoint(label), outcome, latencyMs);
      assert.equal(endpoint(label).latencyMs, known, outcome);
    }
  });

  it("leaves a lower priority what an ejected server can't carry", () => {
    const { group, endpoint } = groupOf(serversOf(3, { c: { priority: 1 } }));
    for (let i = 0; i < 5; i++) group.report(endpoint("a"), "broken", -1);
    const seen = picks(group, 200);
    assert.ok(!seen.includes("a"));
    const share = seen.replaceAll("b", "").length / 200;
    assert.ok(share > 0.2 && share < 0.4, `half of it well carries 70 %: ${share}`);
  });

  it("keeps to who there is when servers go", () => {
    const { group } = groupOf(serversOf(3));
    picks(group, 1);
    group.setServers(serversOf(3).slice(1));
    assert.equal(picks(group, 4), "bcbc");
  });
});

describe("a group whose servers are found", () => {
  const found = upstreamOf([], { sources: [{ kind: "name", server: serverNamed("app.internal", 9000) }] });
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
    assert.deepEqual([group.pick(requestOf()), calls], [null, 0]);
    pass(10);
    const [first] = group.endpoints;
    assert.deepEqual([first?.label, calls], ["app.internal:9000/10.0.0.1", 1]);
    sim.zone.addresses("app.internal", ["10.0.0.0", "10.0.0.1"], 1);
    pass(2_000);
    assert.equal(group.endpoints[1], first);
    assert.equal(first?.isRetired, false);
  });

  it("takes a wish for its name as one for any of its addresses", () => {
    const { sim, pass, surroundings } = bench();
    sim.zone.addresses("app.internal", ["10.0.0.1", "10.0.0.2"], 60);
    const group = new Group({ ...found, balance: "round-robin" }, surroundings);
    pass(10);
    const pick = (server: string, strict = false, tried: readonly Endpoint[] = []) =>
      group.pick(requestOf({ wish: { server, strict, hashKey: null }, tried }))?.label.split("/")[1];
    const name = "app.internal:9000";
    assert.deepEqual(new Set([pick(name), pick(name)]), new Set(["10.0.0.1", "10.0.0.2"]));
    const [one, two] = group.endpoints;
    assert.deepEqual([pick(name, true, [one!]), pick(name, true, [two!])], ["10.0.0.2", "10.0.0.1"]);
    assert.notEqual(pick(name, true, [one!, two!]), undefined);
    assert.equal(pick("app.internal", true), undefined);
    group.setServerState(one!.label, "maintenance");
    assert.deepEqual([pick(name, true), pick(name, true)], ["10.0.0.2", "10.0.0.2"]);
  });

  it("knows what an operator has said of a server that was missing for a while, also after a reload", () => {
    const { sim, pass, surroundings } = bench();
    const answer = (...addresses: string[]): void => {
      sim.zone.addresses("app.internal", addresses, 1);
      pass(2_000);
    };
    const group = new Group(found, surroundings);
    answer("10.0.0.1", "10.0.0.2");
    const states = (of: Group): string => of.endpoints.map(({ health }) => health.state).join(" ");
    assert.ok(group.setServerState("app.internal:9000/10.0.0.1", "maintenance"));
    answer("10.0.0.2");
    assert.equal(states(group), "up");
    const next = new Group({ ...found, balance: "least-busy" }, surroundings, group);
    next.takeOver();
    answer("10.0.0.1", "10.0.0.2");
    assert.equal(states(next), "maintenance up");
    assert.ok(next.setServerState("app.internal:9000", "ready"));
    answer("10.0.0.2");
    answer("10.0.0.1", "10.0.0.2");
    assert.equal(states(next), "up up");
    next.retire();
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
  const define = (ports: readonly number[], weight = 1): UpstreamDefinition =>
    upstreamOf(
      ports.map((port) => serverOf(`127.0.0.1:${port}`, { label: `s${port}`, weight })),
      { balance: "round-robin" },
    );

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

  it("forgets what an operator has said of a server that was taken out of the configuration", () => {
    const first = new Group(define([1, 2]), surroundings);
    assert.ok(first.setServerState("s1", "maintenance"));
    assert.ok(first.setServerState("s2", "drain"));
    const second = new Group(define([2]), surroundings, first);
    second.takeOver();
    const third = new Group(define([1, 2]), surroundings, second);
    third.takeOver();
    assert.deepEqual(
      third.endpoints.map(({ health }) => health.state),
      ["up", "drain"],
    );
  });

  it("is asked by who began long ago, past those in between, which nothing holds any more", () => {
    const first = new Group(define([1]), surroundings);
    const second = new Group(define([2]), surroundings, first);
    second.takeOver();
    const third = new Group(define([3]), surroundings, second);
    third.takeOver();
    const fails = () => assert.fail("the group in between was asked");
    Object.assign(second, { pick: fails, mayPick: fails, mayConnect: fails, serveWaiting: fails });
    assert.equal(first.pick(requestOf()), third.endpoints[0]);
    assert.ok(first.mayPick(third.endpoints[0]!));
    assert.ok(first.mayConnect(third.endpoints[0]!));
    first.serveWaiting();
  });

  it("says to who began before that a server is gone", () => {
    const before = new Group(define([1, 2]), surroundings);
    const [one, two] = before.endpoints;
    new Group(define([2]), surroundings, before).takeOver();
    assert.deepEqual([before.mayPick(one!), before.mayPick(two!)], [false, true]);
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

  it("that is retired can still be asked for another try, also while a server is on trial", () => {
    const { group, endpoint } = groupOf(serversOf(2));
    for (let i = 0; i < 5; i++) group.report(endpoint("a"), "broken", -1);
    endpoint("a").health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    assert.equal(endpoint("a").health.state, "probing");
    group.retire();
    assert.match(picks(group, 6), /^[ab]{6}$/);
  });

  it("has no server that its predecessor let go meanwhile", () => {
    const { group, definition, surroundings } = groupOf(serversOf(2));
    const next = new Group({ ...definition, balance: "random" }, surroundings, group);
    group.setServers(serversOf(1));
    next.takeOver();
    assert.deepEqual(
      next.endpoints.map(({ label, isRetired }) => [label, isRetired]),
      [
        ["a", false],
        ["b", false],
      ],
    );
    assert.match(picks(next, 20), /a.*b|b.*a/);
  });

  it("goes on with servers that its predecessor got meanwhile, rather than with its own of the same address", () => {
    const { group, definition, surroundings } = groupOf(serversOf(1));
    const next = new Group({ ...definition, servers: serversOf(2), balance: "random" }, surroundings, group);
    const own = next.endpoints[1];
    group.setServers(serversOf(2));
    const theirs = group.endpoints[1];
    next.takeOver();
    assert.equal(next.endpoints[1], theirs);
    assert.ok(own?.isRetired && !theirs?.isRetired);
  });

  it("is warm when nobody has anything to get ready", () => {
    let isWarm = false;
    new Group(define([1]), surroundings).warm(() => {
      isWarm = true;
    });
    assert.ok(isWarm);
  });
});
