import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import type { Config } from "../../core/config/define.ts";
import type { Exchange } from "../../core/exchange/exchange.ts";
import type { Snapshot } from "../../core/exchange/snapshot.ts";
import { LAST_CHANCE_MS, WARM_UP_MS } from "../../core/limits.ts";
import type { NotReloaded, Reloaded } from "../../core/proxy.ts";
import { Group } from "../../core/upstream/group.ts";
import { createOrigin, type Origin } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { addressOf } from "../../testing/wire.ts";
import { GET, LISTEN, OK, ok, responsesTo, SILENT, type Stage, stageWith, statusesTo, UPSTREAM } from "./stage.ts";

/** Another configuration takes over while the proxy serves (A20, A21, A22). */

const OTHER = "127.0.0.1:9002";
const SECOND = "127.0.0.1:8081";

let stage: Stage;
let others: Origin[] = [];
afterEach(async () => {
  await stage.close();
  for (const other of others) await other.close();
  others = [];
});

const BASE: Config = {
  listeners: [LISTEN],
  upstreams: { app: { servers: [UPSTREAM] } },
  routes: [{ upstream: "app" }],
};

function snapshotOf(config: Partial<Config>): Snapshot {
  const compiled = compileConfig({ ...BASE, ...config });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot;
}

const reload = (config: Partial<Config> = {}): Promise<Reloaded | NotReloaded> =>
  stage.sim.until(stage.proxy.reload(snapshotOf(config)), 10_000);

async function anotherServer(): Promise<void> {
  others.push(await createOrigin(stage.sim.outside(), addressOf(OTHER), { onRequest: () => ok("other") }));
}

async function pass(ms: number): Promise<void> {
  stage.sim.advance(ms);
  await stage.sim.settle();
}

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);
const bodyOf = (request: string): string | undefined => responsesTo(stage.ask(request))[0]?.body;

describe("a reload", () => {
  it("listens anew where the file of a UNIX socket was removed, and keeps its connections", async () => {
    const listeners = [LISTEN, "unix:/run/m.sock"];
    stage = await stageWith();
    await reload({ listeners });
    const before = stage.sim.connect("unix:/run/m.sock");
    stage.sim.drive();
    stage.sim.unlink("unix:/run/m.sock");
    const result = await reload({ listeners });
    assert.deepEqual("changes" in result && result.changes.listeners.changed, ["unix:/run/m.sock"]);
    const after = stage.sim.connect("unix:/run/m.sock");
    for (const client of [before, after]) client.send(GET);
    await pass(LAST_CHANCE_MS);
    assert.deepEqual([statusesTo(before), statusesTo(after)], [[200], [200]]);
    const again = await reload({ listeners });
    assert.deepEqual("changes" in again && again.changes.listeners.changed, []);
    for (const client of [before, after]) client.destroy();
  });

  it("is refused where another listens on the path of a UNIX socket that was removed", async () => {
    const listeners = ["unix:/run/m.sock", LISTEN];
    stage = await stageWith();
    await reload({ listeners });
    stage.sim.unlink("unix:/run/m.sock");
    const other = stage.sim.serve("unix:/run/m.sock", () => {});
    const result = await reload({ listeners });
    assert.equal("refused" in result && result.refused?.listener, "unix:/run/m.sock");
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    await stage.sim.until(stage.proxy.stop(), 10_000);
    assert.equal(stage.sim.connect("unix:/run/m.sock").closed, null);
    other.close();
  });

  it("is in force for the next request, on open connections, too", async () => {
    stage = await stageWith({ routes: [{ respond: { body: "old" } }] });
    const client = stage.ask(GET);
    const result = await reload({ routes: [{ respond: { body: "new" } }] });
    assert.deepEqual("changes" in result && result.changes.routes.changed, ["routes[0]"]);
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(
      responsesTo(client).map(({ body }) => body),
      ["old", "new"],
    );
  });

  it("that lets heads be larger or smaller begins no check anew, and holds for those that go on", async () => {
    const health = { check: { interval: "1s", fall: 1, rise: 1, jitter: "0%" } } as const;
    const upstreams = { app: { servers: [UPSTREAM], health } };
    let field = "";
    stage = await stageWith({ app: { health }, script: { onRequest: () => ok("x", `X-Padding: ${field}`) } });
    await pass(3_000);
    const before = stage.endpoint;
    assert.equal(before.health.state, "up");
    for (const [responseHead, state] of [
      ["8KiB", "down"],
      ["32KiB", "up"],
    ] as const) {
      field = "x".repeat(16_000);
      const result = await reload({ upstreams, limits: { responseHead } });
      assert.deepEqual("changes" in result && result.changes.upstreams.changed, []);
      assert.equal(stage.endpoint, before);
      await pass(2_500);
      assert.equal(before.health.state, state);
    }
  });

  it("lets code go when no onFinish tells of requests any more", async () => {
    const told: string[] = [];
    let tell = () => {};
    const onFinish = () => new Promise<void>((resolve) => (tell = resolve));
    const config = (name: string): Partial<Config> => ({
      hooks: { onFinish: name === "second" ? onFinish : () => undefined },
      onUnload: () => told.push(name),
    });
    stage = await stageWith({ script: { onRequest: () => OK } });
    for (const name of ["first", "second"]) await reload(config(name));
    stage.ask(GET);
    await reload(config("third"));
    await pass(300);
    assert.deepEqual(told, ["first"]);
    tell();
    await stage.sim.settle();
    await pass(300);
    assert.deepEqual(told, ["first", "second"]);
    stage.ask(GET);
    await reload({ ...config("fourth"), hooks: { onFinish: { run: onFinish, timeout: "500ms" } } });
    stage.ask(GET);
    await reload(config("fifth"));
    await pass(300);
    assert.deepEqual(told, ["first", "second", "third"]);
    await pass(400);
    assert.deepEqual(told, ["first", "second", "third", "fourth"], "no longer than its deadline");
  });

  it("that is refused lets its code go, unless that is in use", async () => {
    const told: string[] = [];
    const codeOf = (name: string) => () => told.push(name);
    const inUse = codeOf("in use");
    stage = await stageWith();
    await reload({ onUnload: inUse });
    others.push(await createOrigin(stage.sim.outside(), addressOf(SECOND), {}));
    for (const onUnload of [codeOf("refused"), inUse]) {
      const result = await reload({ onUnload, listeners: [LISTEN, SECOND] });
      assert.ok("refused" in result && result.refused !== null);
    }
    await stage.sim.settle();
    assert.deepEqual(told, ["refused"]);
    await stage.sim.until(stage.proxy.stop(), 5_000);
    assert.deepEqual(told, ["refused", "in use"]);
    assert.ok("refused" in (await reload({ onUnload: codeOf("late") })));
    assert.equal(told.at(-1), "late");
  });

  it("lets requests finish on the configuration they began with", async () => {
    const header = (value: string) => [{ upstream: "app", response: { set: { "X-Of": value } } }];
    stage = await stageWith({ script: SILENT, routes: header("old") });
    const waiting = stage.ask(GET);
    await reload({ routes: header("new") });
    const late = stage.ask(GET);
    for (const { peer } of stage.origin.links) peer.send(OK);
    stage.sim.drive();
    assert.match(waiting.text(), /X-Of: old/);
    assert.match(late.text(), /X-Of: new/);
  });

  it("lets go of the old routes and upstreams while responses under way go on", async () => {
    stage = await stageWith({ script: SILENT });
    const { observer } = stage;
    const { onExchange } = observer;
    const routesHeld: number[] = [];
    Object.assign(observer, {
      onExchange(exchange: Exchange) {
        routesHeld.push(exchange.deployment.plans.size);
        onExchange(exchange);
      },
    });
    const download = stage.ask(GET);
    stage.origin.links[0]!.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    stage.sim.drive();
    const waiting = stage.ask(GET);
    await reload({ via: false });
    await reload();
    stage.origin.links[0]!.peer.send("cd");
    stage.sim.drive();
    stage.origin.links[1]!.peer.send(OK);
    stage.sim.drive();
    assert.deepEqual([responsesTo(download)[0]?.body, statusesTo(waiting)], ["abcd", [200]]);
    assert.deepEqual(routesHeld, [0, 1], "who has no response yet may need them");
  });

  it("changes limits and deadlines for requests to come", async () => {
    stage = await stageWith({ timeouts: { keepAliveIdle: "60s" } });
    const client = stage.ask(GET);
    await reload({ limits: { target: 64 }, timeouts: { keepAliveIdle: "2s" } });
    client.send(GET);
    stage.after(2_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(stage.ask(`GET /${"x".repeat(70)} HTTP/1.1\r\nHost: a\r\n\r\n`)), [414]);
  });

  it("changes how many clients may come", async () => {
    stage = await stageWith({ limits: { clientConnections: 2 } });
    stage.ask(GET);
    await reload({ limits: { clientConnections: 3 } });
    stage.ask(GET);
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.equal(stage.proxy.connectionCount, 3);
  });

  it("leaves room for others where fewer may come than are being served", async () => {
    stage = await stageWith({ limits: { clientConnections: 20 } });
    const busy = Array.from({ length: 16 }, () => stage.ask(GET));
    await reload({ limits: { clientConnections: 10 } });
    const askAgain = (client: Peer) => {
      client.send(GET);
      stage.sim.drive();
      return client.closed === null;
    };
    const kept = busy.filter(askAgain);
    assert.equal(kept.length, 8);
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.ok(kept.every(askAgain));
  });

  it("that limits the connections of an address counts those that are there", async () => {
    stage = await stageWith();
    for (let i = 0; i < 5; i++) stage.ask(GET, { from: "192.0.2.1" });
    await reload({ limits: { connectionsPerAddress: 3 } });
    const more = stage.ask(GET, { from: "192.0.2.1" });
    assert.deepEqual([statusesTo(more), stage.proxy.connectionCount], [[], 5]);
    assert.deepEqual(statusesTo(stage.ask(GET, { from: "192.0.2.2" })), [200]);
  });

  it("of the same configuration is no event", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    const group = stage.engine.deployment.groups.get("app");
    for (let i = 0; i < 5; i++) await reload();
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200, 200]);
    assert.equal(stage.engine.deployment.groups.get("app"), group);
    assert.equal(stage.origin.links.length, 1, "one connection to the server served both");
  });

  it("waits for its turn", async () => {
    stage = await stageWith();
    const both = [SECOND, "127.0.0.1:8082"].map((address) =>
      stage.proxy.reload(snapshotOf({ listeners: [LISTEN, address] })),
    );
    const [first, second] = await stage.sim.until(Promise.all(both), 5_000);
    assert.deepEqual(first && "changes" in first && first.changes.listeners.added, [SECOND]);
    assert.deepEqual(second && "changes" in second && second.changes.listeners.removed, [SECOND]);
    assert.deepEqual(statusesTo(stage.client()), []);
    assert.equal(stage.proxy.addresses.length, 2);
  });

  it("is refused while the proxy stops", async () => {
    stage = await stageWith({ script: SILENT });
    stage.ask(GET);
    void stage.proxy.drain();
    assert.deepEqual(await reload({ listeners: [SECOND] }), { refused: null });
    assert.equal(stage.engine.deployment.snapshot.listeners[0]?.name, LISTEN);
  });
});

describe("listeners across a reload", () => {
  it("come, with connections served only once they do", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    await reload({ listeners: [LISTEN, SECOND] });
    const there = stage.sim.connect(SECOND);
    there.send(GET);
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual([statusesTo(client), statusesTo(there)], [[200, 200], [200]]);
    there.reset();
  });

  it("change nothing when one of them can't", async () => {
    stage = await stageWith();
    const taken = stage.sim.serve("127.0.0.1:8082", () => {});
    const result = await reload({
      listeners: [{ address: LISTEN, name: "renamed" }, SECOND, "127.0.0.1:8082"],
      routes: [{ respond: {} }],
      upstreams: {},
    });
    assert.ok("refused" in result);
    assert.deepEqual([result.refused?.listener, result.refused?.code], ["127.0.0.1:8082", "EADDRINUSE"]);
    assert.equal(stage.engine.deployment.snapshot.listeners[0]?.name, LISTEN);
    assert.equal(bodyOf(GET), "ok");
    const refused = stage.sim.connect(SECOND);
    stage.sim.drive();
    assert.equal(refused.connectError?.code, "ECONNREFUSED");
    taken.close();
    assert.ok("changes" in (await reload({ listeners: [LISTEN, "127.0.0.1:8082"] })), "the next one can");
  });

  it("go: nobody is refused who was there, and what is under way ends", async () => {
    stage = await stageWith({ script: SILENT, timeouts: { drain: "5s" } });
    const [idle, busy, stuck, fresh] = [stage.client(), stage.ask(GET), stage.ask(GET), stage.client()];
    await reload({ listeners: [SECOND] });
    assert.equal(stage.ask(GET).connectError?.code, "ECONNREFUSED");
    await pass(LAST_CHANCE_MS - 100);
    assert.equal(idle.closed, null, "a request may be on its way");
    fresh.send(GET);
    stage.sim.drive();
    const [first, , third] = stage.origin.links;
    first?.peer.send(OK);
    third?.peer.send(OK);
    await pass(200);
    for (const client of [busy, fresh]) {
      assert.deepEqual(statusesTo(client), [200]);
      assert.match(client.text(), /\r\nConnection: close\r\n/);
    }
    assert.equal(idle.closed, "end");
    await pass(3_500);
    assert.ok(!stuck.isGone);
    await pass(600);
    assert.ok(stuck.isGone);
    assert.deepEqual(codes().at(-1), "internal.reloaded");
  });

  it("are known by their new name on connections that were there before", async () => {
    stage = await stageWith({ routes: [{ respond: { body: "old" } }] });
    const client = stage.ask(GET);
    await reload({
      listeners: [{ address: LISTEN, name: "front" }],
      routes: [{ match: { listener: "front" }, respond: { body: "new" } }],
    });
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(
      responsesTo(client).map(({ body }) => body),
      ["old", "new"],
    );
  });
});

describe("upstreams across a reload", () => {
  it("keep their connections when they stay, even when they change", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    const { endpoint } = stage;
    await anotherServer();
    await reload({ upstreams: { app: { servers: [UPSTREAM, OTHER], balance: "round-robin" } } });
    client.send(GET);
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(
      responsesTo(client)
        .map(({ body }) => body)
        .sort(),
      ["ok", "ok", "other"],
    );
    assert.equal(stage.origin.links.length, 1);
    assert.equal(stage.engine.deployment.groups.get("app")?.endpoints[0], endpoint);
  });

  it("that are gone close what is idle, and what is lent as it comes back", async () => {
    stage = await stageWith();
    const idle = stage.ask(GET);
    stage.script = SILENT;
    const busy = stage.ask(GET);
    stage.ask(GET).reset();
    stage.script = {};
    await anotherServer();
    await reload({ upstreams: { app: { servers: [OTHER] } } });
    await pass(10);
    const [first, second] = stage.origin.links;
    first?.peer.send(OK);
    await pass(10);
    assert.deepEqual(statusesTo(busy), [200]);
    assert.ok(first?.peer.isGone);
    assert.ok(second?.peer.isGone);
    idle.send(GET);
    stage.sim.drive();
    assert.equal(responsesTo(idle)[1]?.body, "other");
    assert.equal(stage.endpoint.connections.count, 0);
  });

  it("are waited for until they are warm, but not for ever", async () => {
    stage = await stageWith();
    const { warm } = Group.prototype;
    Group.prototype.warm = () => {};
    try {
      await anotherServer();
      let isOver = false;
      const reloading = stage.proxy.reload(
        snapshotOf({ upstreams: { app: { servers: [OTHER] } }, listeners: [LISTEN, SECOND] }),
      );
      void reloading.then(() => {
        isOver = true;
      });
      await stage.sim.settle();
      await pass(WARM_UP_MS - 100);
      assert.ok(!isOver);
      assert.equal(bodyOf(GET), "ok", "the old configuration goes on meanwhile");
      const early = stage.sim.connect(SECOND);
      early.send(GET);
      const gone = stage.sim.connect(SECOND);
      gone.send(GET);
      await pass(10);
      gone.reset();
      assert.deepEqual(statusesTo(early), [], "it came for the new one");
      await pass(300);
      assert.ok(isOver);
      assert.equal(responsesTo(early)[0]?.body, "other");
      assert.equal(bodyOf(GET), "other");
      early.reset();
    } finally {
      Group.prototype.warm = warm;
    }
  });

  it("that were to come are forgotten when the proxy stops meanwhile", async () => {
    stage = await stageWith();
    const { warm } = Group.prototype;
    Group.prototype.warm = () => {};
    try {
      const reloading = stage.proxy.reload(
        snapshotOf({ upstreams: { app: { servers: [OTHER] } }, listeners: [LISTEN, SECOND] }),
      );
      await stage.sim.settle();
      await pass(1_000);
      const early = stage.sim.connect(SECOND);
      await pass(10);
      await stage.sim.until(stage.proxy.drain(), 5_000);
      assert.deepEqual(await stage.sim.until(reloading, 100), { refused: null });
      await pass(10);
      assert.ok(early.isGone);
      stage.sim.assertQuiet();
    } finally {
      Group.prototype.warm = warm;
    }
  });
});
