import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { type Fleet, fleetOf, LISTEN, percentile } from "./fleet.ts";

/** Another configuration under load: whoever asked before, meanwhile or after it is answered. */

let fleet: Fleet;
afterEach(() => fleet.close());

const RELOADS = 100;

describe("a hundred reloads under load", () => {
  it("A20 lose no request, close no connection that may stay, and leave nothing behind", async () => {
    fleet = await fleetOf({ upstream: { health: { check: { path: "/healthz" } } } });
    const [first, second, third] = fleet.servers.map(({ address }) => address);
    fleet.server(2).plan = { delayMs: 120 };
    fleet.load({ everyMs: 10, forMs: 31_000, methods: ["GET", "POST"] });
    fleet.pass(1_000);
    const usual = percentile(
      fleet.asked.filter(({ server }) => server === "s1").map(({ tookMs }) => tookMs),
      0.99,
    );
    const connectsBefore = fleet.server(1).connectsMs.length;
    const running = fleet.timersRunning;
    for (let i = 0; i < RELOADS; i++) {
      const servers = [
        [first, second, third],
        [first, second],
        [first, third],
        [{ address: first, weight: 2 }, second],
      ];
      const routes: object[] = [{ upstream: "app" }];
      if (i % 3 === 1) routes.unshift({ match: { path: `/only-${i}` }, respond: { status: 404 } });
      const limits = { requestHead: i % 2 === 0 ? "32KiB" : "16KiB" };
      const taken = await fleet.reload({ servers: servers[i % 4] }, { routes, limits });
      assert.ok(taken, `reload ${i}`);
      fleet.pass(280);
    }
    fleet.pass(8_000);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
    assert.ok(fleet.asked.length >= 3_000);
    assert.deepEqual(fleet.duplicates(), []);
    const fast = fleet.asked.filter(({ server }) => server === "s1").map(({ tookMs }) => tookMs);
    assert.ok(percentile(fast, 0.99) < 2 * usual);
    const checks = fleet.server(1).checksMs.length;
    const connects = fleet.server(1).connectsMs.length - connectsBefore - checks;
    assert.ok(connects < 60, `${connects} connects to the server that always stayed`);
    assert.ok(fleet.clients.peers.length < 100, "clients keep their connections");
    assert.ok(fleet.timersRunning <= running + 20, `${fleet.timersRunning} deadlines run, ${running} before`);
  });

  it("A20 keep what is known of servers that stay", async () => {
    fleet = await fleetOf({ upstream: { health: { check: { path: "/healthz" } } } });
    fleet.server(1).plan = { check: 503 };
    fleet.load({ everyMs: 20, forMs: 45_000 });
    fleet.pass(20_000);
    assert.deepEqual(fleet.states(), ["down", "up", "up"]);
    const before = fleet.server(1).arrivals.length;
    for (let i = 0; i < 20; i++) {
      await fleet.reload({}, { limits: { requestHead: i % 2 === 0 ? "32KiB" : "16KiB" } });
      assert.deepEqual(fleet.states(), ["down", "up", "up"]);
      fleet.pass(500);
    }
    fleet.pass(20_000);
    assert.equal(fleet.server(1).arrivals.length, before);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
  });

  it("A20 let requests finish on what they began with, until the deadline of a drain", async () => {
    fleet = await fleetOf({ plan: { delayMs: 5_000 } });
    const slow = Array.from({ length: 9 }, () => fleet.ask({ method: "POST" }));
    fleet.server(1).plan = { act: "hang" };
    const stuck = Array.from({ length: 6 }, () => fleet.ask({ method: "POST" }));
    const isStuck = stuck.filter(({ nonce }) => fleet.server(1).arrivals.some((arrival) => arrival.nonce === nonce));
    await fleet.reload({ servers: fleet.servers.slice(1).map(({ address }) => address) });
    fleet.pass(10_000);
    assert.deepEqual(fleet.tally(slow), { ok: 9 });
    assert.ok(isStuck.length > 0);
    assert.deepEqual(fleet.tally(isStuck), { waiting: isStuck.length });
    fleet.pass(21_000);
    assert.equal(fleet.tally(isStuck)["waiting"], undefined, "the deadline has come");
    assert.equal(fleet.server(1).openLinks, 0);
  });
});

describe("a reload that changes listeners", () => {
  const OTHER = "127.0.0.1:8081";

  it("A21 refuses nobody on those that stay, and serves the new ones before the old are gone", async () => {
    fleet = await fleetOf();
    fleet.load({ everyMs: 5, forMs: 10_000 });
    for (let i = 0; i < 10; i++) {
      const listeners = i % 2 === 0 ? [LISTEN, OTHER] : [{ address: LISTEN, name: "main" }];
      assert.ok(await fleet.reload({}, { listeners }));
      const peer = fleet.sim.connect(OTHER);
      peer.send(`GET /n${9_000 + i}x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      fleet.pass(400);
      if (i % 2 === 0) assert.match(peer.text(), /^HTTP\/1.1 200 /);
      else assert.equal(peer.connectError?.code, "ECONNREFUSED");
    }
    fleet.pass(8_000);
    assert.deepEqual(fleet.tally(), { ok: fleet.asked.length });
  });

  it("A21 answers what had reached a listener that goes", async () => {
    fleet = await fleetOf({ config: { listeners: [LISTEN, OTHER] }, plan: { delayMs: 300 } });
    const peers = Array.from({ length: 20 }, (_, i) => {
      const peer = fleet.sim.connect(OTHER);
      peer.send(`GET /n${9_000 + i}x HTTP/1.1\r\nHost: a\r\n\r\n`);
      return peer;
    });
    fleet.pass(10);
    assert.ok(await fleet.reload({}, { listeners: [LISTEN] }));
    fleet.pass(2_000);
    for (const peer of peers) {
      assert.match(peer.text(), /^HTTP\/1.1 200 /);
      assert.equal(peer.closed, "end");
    }
  });

  it("A21 changes nothing when a new listener can't be opened", async () => {
    fleet = await fleetOf();
    fleet.sim.serve(OTHER, () => {});
    fleet.load({ everyMs: 5, forMs: 3_000 });
    assert.equal(await fleet.reload({ servers: [fleet.server(2).address] }, { listeners: [LISTEN, OTHER] }), false);
    fleet.pass(4_000);
    assert.deepEqual(fleet.tally(), { ok: 600 });
    for (const server of fleet.servers) assert.ok(server.arrivals.length > 100);
  });
});

describe("a hundred bad configurations", () => {
  it("A22 change nothing", async () => {
    fleet = await fleetOf();
    fleet.load({ everyMs: 5, forMs: 10_000 });
    fleet.pass(100);
    const { deployment } = fleet.engine;
    const before = fleet.states();
    const bad: object[] = [
      { listeners: [LISTEN], routes: [{ upstream: "gone" }] },
      { listeners: [LISTEN], upstreams: { app: { servers: [] } }, routes: [{ upstream: "app" }] },
      { listeners: ["nowhere"], upstreams: { app: { servers: ["127.0.0.1:1"] } }, routes: [{ upstream: "app" }] },
      { listeners: [LISTEN], upstreams: { app: { servers: ["127.0.0.1:1"], ballance: "x" } }, routes: [] },
      {},
    ];
    for (let i = 0; i < 50; i++) {
      assert.ok("problems" in compileConfig(bad[i % bad.length]), "refused before the proxy hears of it");
      fleet.pass(50);
    }
    fleet.sim.serve("127.0.0.1:8099", () => {});
    for (let i = 0; i < 50; i++) {
      assert.equal(await fleet.reload({}, { listeners: [LISTEN, "127.0.0.1:8099"] }), false);
      fleet.pass(50);
    }
    fleet.pass(8_000);
    assert.deepEqual(fleet.tally(), { ok: 2_000 });
    assert.equal(fleet.engine.deployment, deployment);
    assert.deepEqual(fleet.states(), before);
    assert.ok(fleet.clients.peers.length < 20);
  });
});

describe("ten thousand routes and a thousand upstreams", () => {
  const large = (routesCount: number): Record<string, unknown> => {
    const upstreams: Record<string, object> = {};
    for (let i = 0; i < 1_000; i++) upstreams[`u${i}`] = { servers: [`127.0.0.1:${9_001 + (i % 3)}`] };
    const routes: object[] = [{ upstream: "u0" }];
    for (let i = 1; i < routesCount; i++) {
      routes.push({ match: { host: `h${i % 100}.test`, path: `/r${i}/*` }, upstream: `u${i % 1_000}` });
    }
    return { upstreams, routes };
  };

  it("A37 start, serve and are reloaded under load", async () => {
    fleet = await fleetOf({ config: large(10_000) });
    fleet.load({ everyMs: 20, forMs: 4_000 });
    fleet.pass(1_000);
    assert.ok(await fleet.reload({}, large(9_990)));
    fleet.pass(4_000);
    assert.deepEqual(fleet.tally(), { ok: 200 });
    const peer = fleet.sim.connect(LISTEN);
    peer.send("GET /r4217/n1x HTTP/1.1\r\nHost: h17.test\r\nConnection: close\r\n\r\n");
    fleet.pass(100);
    assert.match(peer.text(), /^HTTP\/1.1 200 [\s\S]*X-Server: s2/);
    assert.equal(fleet.engine.deployment.groups.size, 1_000);
  });
});

describe("requests that wait for a place while a reload is made", () => {
  const one = { address: "127.0.0.1:9001", maxConnections: 1 };

  async function waiting(): Promise<void> {
    const upstream = { pool: { queueTimeout: "20s" } };
    fleet = await fleetOf({ servers: 2, list: [one], plan: { delayMs: 300 }, upstream });
    for (let i = 0; i < 8; i++) fleet.ask();
    fleet.pass(100);
  }
  const arrived = (): number[] => fleet.servers.map(({ arrivals }) => arrivals.length);

  it("have the servers of the new configuration when it goes through", async () => {
    await waiting();
    assert.ok(await fleet.reload({ servers: [{ ...one, state: "drain" }, "127.0.0.1:9002"] }));
    fleet.pass(3_000);
    assert.deepEqual([fleet.tally(), arrived()], [{ ok: 8 }, [1, 7]]);
  });

  it("have those of the old one when it does not", async () => {
    await waiting();
    const taken = { listeners: [LISTEN, "127.0.0.1:9001"] };
    assert.ok(!(await fleet.reload({ servers: ["127.0.0.1:9002"] }, taken)));
    fleet.pass(5_000);
    assert.deepEqual([fleet.tally(), arrived()], [{ ok: 8 }, [8, 0]]);
  });
});

describe("a further try after a reload that has taken all servers away", () => {
  it("goes to one of the new ones", async () => {
    const retries = { backoff: { base: "250ms", max: "250ms" } };
    fleet = await fleetOf({ servers: 2, list: ["127.0.0.1:9001"], plan: { act: "reset" }, upstream: { retries } });
    fleet.ask();
    fleet.pass(1);
    fleet.server(1).plan = { act: "hang" };
    fleet.server(2).plan = {};
    assert.ok(await fleet.reload({ servers: ["127.0.0.1:9002"] }));
    fleet.pass(1_000);
    assert.deepEqual(fleet.tally(), { ok: 1 });
  });
});
