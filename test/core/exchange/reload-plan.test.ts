import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { type Changes, planningReload, type ReloadPlan } from "../../../core/exchange/reload-plan.ts";
import type { Snapshot } from "../../../core/exchange/snapshot.ts";
import { allAtOnce } from "../../../core/time/steps.ts";

const BASE = {
  listeners: ["127.0.0.1:80"],
  upstreams: { a: { servers: ["127.0.0.1:81"] } },
  routes: [{ id: "all", upstream: "a" }] as object[],
};

function snapshotOf(config: object): Snapshot {
  const compiled = compileConfig({ ...BASE, ...config });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot;
}

const planOf = (current: Snapshot, next: Snapshot): ReloadPlan => allAtOnce(planningReload(current, next));
const plan = (before: object, after: object): ReloadPlan => planOf(snapshotOf(before), snapshotOf(after));
const NONE: Changes = { added: [], changed: [], removed: [] };

describe("the plan of a reload", () => {
  it("of the same configuration changes nothing", () => {
    const { changes, listenersFrom, listenersRemoved } = plan({}, {});
    assert.deepEqual(changes, { listeners: NONE, upstreams: NONE, routes: NONE, settings: false });
    assert.deepEqual([listenersFrom, listenersRemoved], [[0], []]);
  });

  it("knows listeners by their address, whatever they are called and wherever they stand", () => {
    const before = {
      listeners: ["127.0.0.1:1", { address: "127.0.0.1:2", name: "two" }, "unix:/run/x", "127.0.0.1:4"],
    };
    const after = {
      listeners: ["unix:/run/x", { address: "127.0.0.1:2", name: "zwei" }, "127.0.0.1:1", "127.0.0.1:5"],
    };
    const { changes, listenersFrom, listenersRemoved } = plan(before, after);
    assert.deepEqual(listenersFrom, [2, 1, 0, -1]);
    assert.deepEqual(listenersRemoved, [3]);
    assert.deepEqual(changes.listeners, { added: ["127.0.0.1:5"], changed: ["zwei"], removed: ["127.0.0.1:4"] });
  });

  it("takes a listener for another one when it shares its port differently", () => {
    const reused = { listeners: [{ address: "127.0.0.1:80", reusePort: true }] };
    assert.deepEqual(plan({}, reused).listenersFrom, [-1]);
    assert.deepEqual(plan(reused, reused).listenersFrom, [0]);
  });

  it("takes listeners on ports the system has chosen in order", () => {
    const of = (count: number) => ({ listeners: Array.from({ length: count }, () => "127.0.0.1:0") });
    assert.deepEqual(plan(of(2), of(3)).listenersFrom, [0, 1, -1]);
    const { listenersFrom, listenersRemoved } = plan(of(3), of(1));
    assert.deepEqual([listenersFrom, listenersRemoved], [[0], [1, 2]]);
  });

  it("knows a listener by the port that the system has chosen, and that first", () => {
    const config = (...listeners: unknown[]) => snapshotOf({ listeners });
    const from = (current: Snapshot, next: Snapshot, ...ports: number[]) => {
      const addresses = ports.map((port) => ({ kind: "tcp", host: "0.0.0.0", port }) as const);
      return allAtOnce(planningReload(current, next, addresses)).listenersFrom;
    };
    const any = config(":0", ":0", "127.0.0.1:0");
    assert.deepEqual(from(any, config(":0", ":7", "127.0.0.1:7"), 7, 8, 9), [1, 0, -1]);
    assert.deepEqual(from(any, config("127.0.0.1:9", ":8", ":0", ":0"), 7, 8, 9), [2, 1, 0, -1]);
    assert.deepEqual(from(any, config({ address: ":7", reusePort: true }), 7, 8, 9), [-1]);
    assert.deepEqual(from(config("unix:/run/x", ":80"), config(":80", "unix:/run/x"), 80, 80), [1, 0]);
  });

  it("knows upstreams by name, and says which say something else", () => {
    const server = (port: number) => ({ servers: [`127.0.0.1:${port}`] });
    const before = { upstreams: { a: server(1), b: server(2), c: server(3) } };
    const after = { upstreams: { d: server(4), c: { ...server(3), balance: "least-busy" }, a: server(1) } };
    assert.deepEqual(plan(before, after).changes.upstreams, { added: ["d"], changed: ["c"], removed: ["b"] });
  });

  it("knows routes by id", () => {
    const before = {
      routes: [
        { id: "x", upstream: "a" },
        { id: "y", match: { path: "/y" }, upstream: "a" },
      ],
    };
    const after = {
      routes: [
        { id: "z", match: { path: "/z" }, upstream: "a" },
        { id: "x", respond: {} },
      ],
    };
    assert.deepEqual(plan(before, after).changes.routes, { added: ["z"], changed: ["x"], removed: ["y"] });
  });

  it("is not misled by routes without one that have moved", () => {
    const paths = (...names: string[]) => ({ routes: names.map((path) => ({ match: { path }, upstream: "a" })) });
    const routesOf = (before: string[], after: string[]) => plan(paths(...before), paths(...after)).changes.routes;
    assert.deepEqual(routesOf(["/a", "/b", "/c"], ["/c", "/a", "/b"]), NONE);
    assert.deepEqual(routesOf(["/a", "/b"], ["/new", "/a", "/b"]), { ...NONE, added: ["routes[0]"] });
    assert.deepEqual(routesOf(["/old", "/a", "/b"], ["/a", "/b"]), { ...NONE, removed: ["routes[0]"] });
    assert.deepEqual(routesOf(["/a", "/b"], ["/a", "/c"]), { ...NONE, changed: ["routes[1]"] });
  });

  it("knows a route that goes by another function for changed", () => {
    const [one, other] = [() => "a", () => "a"];
    const named = (target: object) => ({ routes: [{ id: "x", target }] });
    assert.deepEqual(plan(named(one), named(other)).changes.routes, { ...NONE, changed: ["x"] });
    assert.deepEqual(plan(named(one), named(one)).changes.routes, NONE);
    const hooked = (onRequest: object) => ({ routes: [{ id: "x", upstream: "a", hooks: { onRequest } }] });
    assert.deepEqual(plan(hooked(one), hooked(other)).changes.routes, { ...NONE, changed: ["x"] });
  });

  it("counts alike routes one by one", () => {
    const of = (count: number) => ({ routes: Array.from({ length: count }, () => ({ upstream: "a" })) });
    assert.deepEqual(plan(of(2), of(3)).changes.routes, { ...NONE, added: ["routes[2]"] });
    assert.deepEqual(plan(of(3), of(1)).changes.routes, { ...NONE, removed: ["routes[1]", "routes[2]"] });
  });

  for (const settings of [
    { dns: { maxTtl: "10s" } },
    { limits: { target: 100 } },
    { timeouts: { drain: "1s" } },
    { trustedProxies: ["10.0.0.1"] },
    { via: false },
  ]) {
    it(`says that settings have changed: ${Object.keys(settings)}`, () => {
      assert.ok(plan({}, settings).changes.settings);
      assert.ok(!plan(settings, settings).changes.settings);
    });
  }

  describe("lets requests go on", () => {
    const before = snapshotOf({ routes: [{ id: "x", match: { path: "/x" }, upstream: "a", upgrade: true }] });
    const [route] = before.table.routes;
    const keeps = (after: object): boolean => planOf(before, snapshotOf({ routes: [after] })).keepsRoute(route!);

    for (const [name, after] of [
      ["is as it was", { id: "x", match: { path: "/x" }, upstream: "a" }],
      ["has another id", { match: { path: "/x" }, upstream: "a" }],
      ["edits other fields", { id: "x", match: { path: "/x" }, upstream: "a", response: { set: { A: "b" } } }],
      ["has other limits", { id: "x", match: { path: "/x" }, upstream: "a", timeouts: { firstByte: "1s" } }],
    ] as const) {
      it(`when their route ${name}`, () => assert.ok(keeps(after)));
    }

    for (const [name, after] of [
      ["asks for something else", { id: "x", match: { path: "/y" }, upstream: "a" }],
      ["asks for more", { id: "x", match: { path: "/x", client: "10.0.0.1" }, upstream: "a" }],
      ["does something else", { id: "x", match: { path: "/x" }, respond: {} }],
      ["takes no upgrade any more", { id: "x", match: { path: "/x" }, upstream: "a", upgrade: false }],
    ] as const) {
      it(`but not when it ${name}`, () => assert.ok(!keeps(after)));
    }
  });
});
