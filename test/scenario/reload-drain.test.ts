import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import type { Config } from "../../core/config/define.ts";
import type { OriginScript } from "../../testing/origin.ts";
import { HANGS, severalWith } from "./several.ts";
import { GET, LISTEN, OK, SILENT, type Stage, stageWith, statusesTo, UPSTREAM } from "./stage.ts";

/** What is under way when a reload comes: untouched where nothing changed for it, else `timeouts.drain` (A20). */

let stage: Stage;
afterEach(() => stage.close());

type Routes = NonNullable<Config["routes"]>;

async function reload(routes: Routes, upstreams: Config["upstreams"] = { app: { servers: [UPSTREAM] } }) {
  const compiled = compileConfig({ listeners: [LISTEN], upstreams, routes });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  await stage.sim.until(stage.proxy.reload(compiled.snapshot), 10_000);
}

async function pass(ms: number): Promise<void> {
  stage.sim.advance(ms);
  await stage.sim.settle();
}

const TUNNELS: OriginScript = {
  onRequest(_request, link) {
    link.becomeTunnel();
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
  },
};
const UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
const WS = { match: { path: "/ws" }, upstream: "app" };
const REST = { match: { path: "/*" }, upstream: "app" };
const DOWNLOAD = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin";
const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);
const sendAll = (text: string): void => {
  for (const { peer } of stage.origin.links) if (!peer.isGone) peer.send(text);
  stage.sim.drive();
};

async function allUnderWay() {
  stage = await stageWith({ script: TUNNELS, routes: [WS, REST], timeouts: { drain: "2s" } });
  const tunnel = stage.ask(UPGRADE);
  stage.script = { onRequest: () => DOWNLOAD };
  const download = stage.ask(GET);
  stage.script = SILENT;
  return { tunnel, download, poll: stage.ask(GET) };
}

/** Two tries of one request side by side, when one of their servers goes. */
async function hedgedWithout(gone: "first" | "second") {
  const all = await severalWith([HANGS, HANGS], { app: { hedge: { after: "200ms" } }, timeouts: { drain: "2s" } });
  ({ stage } = all);
  const client = stage.ask(GET);
  await pass(400);
  assert.deepEqual(all.arrived(), [1, 1]);
  const links = { first: all.servers[0]!.origin.links[0], second: all.servers[1]!.origin.links[0] };
  const stays = all.servers[gone === "first" ? 1 : 0]!.address;
  await reload([{ upstream: "app" }], { app: { servers: [stays], hedge: { after: "200ms" } } });
  const send = (which: "first" | "second", text: string | null): void => {
    if (text === null) links[which]?.peer.reset();
    else links[which]?.peer.send(text);
    stage.sim.drive();
  };
  return { client, send };
}

describe("what is under way at a reload", () => {
  it("W06 lives on where nothing changed for it: tunnels, downloads, long polls", async () => {
    const { tunnel, download, poll } = await allUnderWay();
    await reload([{ match: { path: "/new" }, respond: {} }, WS, { ...REST, response: { set: { A: "b" } } }]);
    await pass(10_000);
    sendAll("here");
    assert.match(tunnel.text(), /here$/);
    tunnel.send("up");
    stage.sim.drive();
    assert.ok([tunnel, download, poll].every(({ isGone }) => !isGone));
    assert.deepEqual(codes(), []);
    for (const client of [tunnel, download, poll]) client.reset();
  });

  it("ends at the deadline of a drain where its route is gone, so that it can be seen", async () => {
    const { tunnel, download, poll } = await allUnderWay();
    await reload([{ match: { path: "/*" }, respond: {} }], {});
    sendAll("x");
    stage.after(1_995, () => tunnel.isGone || download.isGone || statusesTo(poll).length > 0);
    await pass(10);
    assert.equal(tunnel.closed, "reset");
    assert.ok(download.isGone);
    assert.doesNotMatch(download.text(), /x{95}/);
    assert.deepEqual(codes().sort(), ["internal.reloaded", "internal.reloaded", "internal.reloaded"]);
    assert.match(poll.text(), /503/);
    poll.send(GET);
    stage.sim.drive();
    assert.match(poll.text(), /HTTP\/1.1 200 OK/, "the connection is as good as any");
  });

  it("is served, too, when it waits for a place at a server that is gone", async () => {
    stage = await stageWith({ script: SILENT, maxConnections: 1, timeouts: { drain: "9s" } });
    const [first, second] = [stage.ask(GET), stage.ask(GET)];
    await reload([{ respond: {} }], {});
    sendAll(OK);
    await pass(50);
    sendAll(OK);
    await pass(50);
    sendAll(OK);
    await pass(6_000);
    assert.deepEqual([statusesTo(first), statusesTo(second)], [[200], [200]]);
  });

  it("is served where its upstream has changed while it waits for a place", async () => {
    stage = await stageWith({ script: SILENT, maxConnections: 1, timeouts: { drain: "9s" } });
    const [first, second, third] = [stage.ask(GET), stage.ask(GET), stage.ask(GET)];
    const servers = [{ address: UPSTREAM, maxConnections: 2 }];
    await reload([{ upstream: "app" }], { app: { servers, balance: "random" } });
    await pass(50);
    for (let i = 0; i < 3; i++) {
      sendAll(OK);
      await pass(50);
    }
    assert.deepEqual([statusesTo(first), statusesTo(second), statusesTo(third)], [[200], [200], [200]]);
  });

  it("may end by itself before that", async () => {
    stage = await stageWith({ script: SILENT, timeouts: { drain: "2s" } });
    const client = stage.ask(GET);
    await reload([{ respond: {} }], {});
    await pass(1_000);
    sendAll(OK);
    client.send(GET);
    await pass(3_000);
    assert.deepEqual(statusesTo(client), [200, 200]);
    assert.deepEqual(codes(), ["", ""]);
  });

  it("ends where its server is gone, and only there", async () => {
    stage = await stageWith({ script: TUNNELS, otherServers: ["127.0.0.1:9009"], timeouts: { drain: "2s" } });
    stage.sim.hang("127.0.0.1:9009");
    const [one, two] = [stage.ask(UPGRADE), stage.ask(UPGRADE)];
    await reload([{ upstream: "app" }], { app: { servers: ["127.0.0.1:9009", "127.0.0.1:9010"] } });
    await pass(1_800);
    assert.ok(!one.isGone);
    await pass(400);
    assert.equal(one.closed, "reset");
    assert.ok(!two.isGone || statusesTo(two)[0] === 504);
    assert.ok(codes().includes("internal.reloaded"));
  });

  it("ends where the second of two tries fails, and the server of the first is gone", async () => {
    const { client, send } = await hedgedWithout("first");
    await pass(1_000);
    send("second", null);
    await pass(800);
    assert.deepEqual(statusesTo(client), []);
    await pass(400);
    assert.deepEqual([statusesTo(client), codes()], [[503], ["internal.reloaded"]]);
  });

  it("ends where the first of two tries answers after the deadline, and its server is gone", async () => {
    const { client, send } = await hedgedWithout("first");
    await pass(2_400);
    assert.deepEqual(statusesTo(client), []);
    send("first", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    await pass(400);
    assert.deepEqual(codes(), ["internal.reloaded"]);
  });

  it("goes on where one of two tries is at a server that stays", async () => {
    for (const gone of ["first", "second"] as const) {
      const { client, send } = await hedgedWithout(gone);
      await pass(3_000);
      send(gone === "first" ? "second" : "first", OK);
      assert.deepEqual(statusesTo(client), [200], `${gone} is gone`);
      if (gone === "first") await stage.close();
    }
  });

  it("goes on where a further try has come to a server that stays", async () => {
    const all = await severalWith([HANGS, HANGS], { timeouts: { drain: "2s" } });
    ({ stage } = all);
    const client = stage.ask(GET);
    await reload([{ upstream: "app" }], { app: { servers: [all.servers[1]!.address] } });
    await pass(1_000);
    all.servers[0]!.origin.links[0]?.peer.reset();
    await pass(3_000);
    all.servers[1]!.origin.links[0]?.peer.send(OK);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("is forgiven when a later reload brings its route back", async () => {
    stage = await stageWith({ script: TUNNELS, timeouts: { drain: "2s" } });
    const tunnel = stage.ask(UPGRADE);
    await reload([{ respond: {} }], { app: { servers: [UPSTREAM] } });
    await pass(1_000);
    await reload([{ upstream: "app" }]);
    await pass(5_000);
    assert.ok(!tunnel.isGone);
    tunnel.reset();
  });

  it("is not forgiven for a server that is gone by a reload that says nothing of it", async () => {
    stage = await stageWith({ script: TUNNELS, timeouts: { drain: "2s" } });
    const tunnel = stage.ask(UPGRADE);
    const without = { app: { servers: ["127.0.0.1:9010"] } };
    await reload([{ upstream: "app" }], without);
    await pass(1_000);
    await reload([{ upstream: "app" }], without);
    await pass(1_200);
    assert.equal(tunnel.closed, "reset");
    assert.deepEqual(codes(), ["internal.reloaded"]);
  });

  it("has the time that each reload gave it, not that of another", async () => {
    stage = await stageWith({ script: TUNNELS, routes: [WS, REST], timeouts: { drain: "2s" } });
    const tunnel = stage.ask(UPGRADE);
    stage.script = SILENT;
    const poll = stage.ask(GET);
    await reload([REST]);
    // From here on the deadline is that of the default configuration: 30 s.
    await pass(1_000);
    await reload([{ respond: {} }], {});
    await pass(1_200);
    assert.ok(tunnel.isGone);
    await pass(20_000);
    assert.deepEqual(statusesTo(poll), []);
    await pass(10_000);
    assert.deepEqual(statusesTo(poll), [503]);
  });

  it("does not keep a stopping proxy", async () => {
    stage = await stageWith({ script: TUNNELS });
    const tunnel = stage.ask(UPGRADE);
    await reload([{ respond: {} }], {});
    await stage.sim.until(stage.proxy.stop(), 100);
    stage.sim.drive();
    assert.ok(tunnel.isGone);
    stage.sim.assertQuiet();
  });
});
