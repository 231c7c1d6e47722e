import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { compileConfig } from "../../../core/config/compile.ts";
import { deploy, restOf } from "../../../core/exchange/deployment.ts";
import type { Snapshot } from "../../../core/exchange/snapshot.ts";
import { DEFAULT_TIMEOUTS } from "../../../core/limits.ts";
import type { HookSurroundings } from "../../../core/script/hook.ts";
import { Timers } from "../../../core/time/timers.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { textOfBytes } from "../../../testing/wire.ts";

function snapshotOf(config: unknown): Snapshot {
  const compiled = compileConfig(config);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot;
}

function deployed(snapshot: Snapshot) {
  const { runtime } = createSimulation({ seed: 1 });
  return deploy(snapshot, { runtime, timers: new Timers(0), slab: new Slab(), hooks: {} as HookSurroundings });
}

const CONFIG = {
  listeners: ["127.0.0.1:80"],
  upstreams: { a: { servers: ["127.0.0.1:81"] }, b: { servers: ["127.0.0.1:82", "127.0.0.1:83"] } },
  limits: { target: 100, responseHead: 2048 },
  trustedProxies: ["10.0.0.0/8"],
  routes: [
    { match: { path: "/a" }, upstream: "a" },
    { match: { path: "/b" }, upstream: "b", limits: { responseHead: 4096 }, timeouts: { firstByte: "1s" } },
    { match: { path: "/c" }, respond: { status: 403, body: "grüße", contentType: "text/x" } },
    { match: { path: "/d" }, redirect: { to: "/" } },
  ],
};

describe("a deployment", () => {
  const snapshot = snapshotOf(CONFIG);
  const deployment = deployed(snapshot);
  const planOf = (path: string) => {
    const route = snapshot.table.routes.find(({ id }) => id.includes(path)) ?? null;
    const plans = [...deployment.plans].filter(([each]) => each === route || each.id === path);
    return plans[0]?.[1];
  };

  it("has each upstream's servers", () => {
    assert.deepEqual(
      [...deployment.groups].map(([name, { endpoints }]) => [name, endpoints.map(({ label }) => label)]),
      [
        ["a", ["127.0.0.1:81"]],
        ["b", ["127.0.0.1:82", "127.0.0.1:83"]],
      ],
    );
  });

  it("has a plan for each route: its group, limits, deadlines and fixed answer", () => {
    assert.equal(deployment.plans.size, 4);
    const plans = snapshot.table.routes.map((route) => deployment.plans.get(route));
    const toA = plans.find((plan) => plan?.group === deployment.groups.get("a"));
    const toB = plans.find((plan) => plan?.group === deployment.groups.get("b"));
    assert.equal(toA?.limits, snapshot.limits);
    assert.equal(toA?.responseBounds.headBytesMax, 2048);
    assert.equal(toB?.responseBounds.headBytesMax, 4096);
    assert.deepEqual(toB?.limits, { ...snapshot.limits, responseHeadBytesMax: 4096 });
    assert.equal(toB?.timeouts.firstByteMs, 1_000);
    assert.equal(toB?.timeouts.responseIdleMs, snapshot.timeouts.responseIdleMs);
    const fixed = plans.find((plan) => plan?.answer != null)?.answer;
    assert.deepEqual([fixed?.status, fixed?.contentType], [403, "text/x"]);
    assert.equal(textOfBytes(fixed?.body ?? new Uint8Array()), "gr\xc3\xbc\xc3\x9fe", "as UTF-8");
    assert.equal(plans.filter((plan) => plan?.group === null).length, 2);
    assert.equal(planOf("nowhere"), undefined);
  });

  it("lets the route's timeouts win over the upstream's, those over the server's", () => {
    const of = snapshotOf({
      listeners: ["127.0.0.1:80"],
      timeouts: { firstByte: "50s", tunnelIdle: "2h", queue: "4s" },
      upstreams: {
        app: { servers: ["127.0.0.1:81"], timeouts: { firstByte: "40s", connect: "1s" }, pool: { queueTimeout: "3s" } },
        plain: { servers: ["127.0.0.1:81"] },
      },
      routes: [
        { id: "own", match: { path: "/own" }, timeouts: { firstByte: "30s" }, upstream: "app" },
        { id: "rest", match: { path: "/rest" }, upstream: "app" },
        { id: "plain", upstream: "plain" },
      ],
    });
    const plans = [...deployed(of).plans].map(([{ id }, { timeouts }]) => [id, timeouts] as const);
    const timeoutsOf = (name: string) => plans.find(([id]) => id === name)?.[1];
    const common = { ...DEFAULT_TIMEOUTS, tunnelIdleMs: 7_200_000, connectMs: 1_000, queueMs: 3_000 };
    assert.deepEqual(timeoutsOf("own"), { ...common, firstByteMs: 30_000 });
    assert.deepEqual(timeoutsOf("rest"), { ...common, firstByteMs: 40_000 });
    assert.equal(timeoutsOf("plain"), of.timeouts);
    assert.equal(of.timeouts.firstByteMs, 50_000);
  });

  it("has the bounds of request heads, and whom it trusts", () => {
    assert.equal(deployment.requestBounds.targetBytesMax, 100);
    assert.equal(deployment.requestBounds.headBytesMax, snapshot.limits.requestHeadBytesMax);
    assert.ok(deployment.trusted.trusts("10.1.2.3"));
    assert.ok(!deployment.trusted.trusts("11.1.2.3"));
  });

  it("refuses what no configuration compiles to", () => {
    assert.throws(() => deployed({ ...snapshot, upstreams: [] }), /names no upstream/);
    const forwarding = { ...snapshot.forwarding, trustedProxies: ["nonsense"] };
    assert.throws(() => deployed({ ...snapshot, forwarding }), /"nonsense" is neither/);
  });
});

describe("the rest of a deployment that was replaced", () => {
  const onUnload = () => {};
  const deployment = deployed({ ...snapshotOf(CONFIG), onUnload });
  const rest = restOf(deployment);

  it("holds no route and no upstream", () => {
    const { snapshot, plans, groups } = rest;
    assert.deepEqual(
      [snapshot.table.routes.length, snapshot.upstreams.length, plans.size, groups.size, rest.targets],
      [0, 0, 0, 0, null],
    );
    const [route] = deployment.snapshot.table.routes;
    const [group] = deployment.groups.values();
    assert.throws(() => rest.planFor(route!, group!), /was to go by another plan/);
  });

  it("holds no hook of other routes: with it all of the code around it would stay", () => {
    const definition = { kind: "onRequest", name: "routes.a.onRequest", timeoutMs: 1, fallback: "ignore", source: "" };
    const hooked = deployed(snapshotOf(CONFIG));
    hooked.registry.setOfRoute(null, { onRequest: { ...definition, run: () => undefined } } as never, null);
    assert.deepEqual([hooked.registry.hooks.length, restOf(hooked).registry.hooks.length], [1, 0]);
  });

  it("has what a response that has begun asks for", () => {
    const { snapshot, trusted } = rest;
    const { limits, timeouts, forwarding } = deployment.snapshot;
    assert.deepEqual([snapshot.limits, snapshot.timeouts, snapshot.forwarding], [limits, timeouts, forwarding]);
    assert.equal(snapshot.onUnload, onUnload, "its code is in use");
    assert.equal(trusted, deployment.trusted);
  });

  it("is made once, and has itself for a rest", () => {
    assert.equal(restOf(deployment), rest);
    assert.equal(restOf(rest), rest);
  });
});
