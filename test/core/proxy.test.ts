import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import { createProxy, type Proxy as Millrace } from "../../core/proxy.ts";
import { createSimulation, type Simulation, type SimulationOptions } from "../../testing/sim.ts";
import { GET, SILENT, stageWith, statusesTo } from "../scenario/stage.ts";

function proxyFor(config: object, options: Partial<SimulationOptions> = {}): { sim: Simulation; proxy: Millrace } {
  const sim = createSimulation({ seed: 1, ...options });
  const compiled = compileConfig({ routes: [{ respond: { body: "here" } }], ...config });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return { sim, proxy: createProxy({ runtime: sim.runtime, snapshot: compiled.snapshot }) };
}

describe("a proxy", () => {
  it("listens on every address and says where, in order", async () => {
    const { sim, proxy } = proxyFor({ listeners: ["127.0.0.1:0", "unix:/run/x.sock", "127.0.0.1:8080"] });
    await proxy.start();
    const [chosen, unix, fixed] = proxy.addresses;
    assert.ok(chosen?.kind === "tcp" && chosen.port > 0);
    assert.deepEqual(unix, { kind: "unix", path: "/run/x.sock" });
    assert.deepEqual(fixed, { kind: "tcp", host: "127.0.0.1", port: 8080 });
    for (const address of proxy.addresses) {
      const client = sim.connect(address);
      client.send(GET);
      sim.drive();
      assert.deepEqual(statusesTo(client), [200]);
    }
    await sim.until(proxy.drain(), 5_000);
    sim.assertQuiet();
  });

  it("listens nowhere when one address is taken", async () => {
    const { sim, proxy } = proxyFor({ listeners: ["127.0.0.1:81", "127.0.0.1:82"] });
    sim.serve("127.0.0.1:82", () => {});
    await assert.rejects(proxy.start(), (failure: { listener: string; code: string }) => {
      assert.deepEqual([failure.listener, failure.code], ["127.0.0.1:82", "EADDRINUSE"]);
      return true;
    });
    sim.assertQuiet();
    const late = sim.connect("127.0.0.1:81");
    sim.drive();
    assert.equal(late.connectError?.code, "ECONNREFUSED");
  });

  it("that is stopped while it starts listens nowhere", async () => {
    const { sim, proxy } = proxyFor({ listeners: ["127.0.0.1:81"] });
    const starting = proxy.start();
    await Promise.resolve();
    await sim.until(Promise.all([proxy.stop(), starting]), 100);
    sim.assertQuiet();
    const late = sim.connect("127.0.0.1:81");
    sim.drive();
    assert.equal(late.connectError?.code, "ECONNREFUSED");
  });

  it("shows its servers, and takes an operator's word about them", async () => {
    const stage = await stageWith({ otherServers: ["127.0.0.1:9002"] });
    const { proxy } = stage;
    const [first] = proxy.serverStates();
    assert.deepEqual(first, {
      upstream: "app",
      server: "127.0.0.1:9001",
      state: "up",
      reason: "nothing speaks against it",
      sinceMs: first?.sinceMs,
      failuresInARow: 0,
      isRefusing: false,
      inFlight: 0,
      weight: 1,
    });
    assert.ok(proxy.setServerState("app", "127.0.0.1:9002", "maintenance"));
    assert.deepEqual(
      proxy.serverStates().map(({ state }) => state),
      ["up", "maintenance"],
    );
    for (let i = 0; i < 4; i++) assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.ok(proxy.setServerState("app", "127.0.0.1:9001", "drain"));
    assert.deepEqual(statusesTo(stage.ask(GET)), [503]);
    assert.ok(!proxy.setServerState("app", "127.0.0.1:9003", "drain"));
    assert.ok(!proxy.setServerState("other", "127.0.0.1:9001", "drain"));
    assert.deepEqual(
      stage.notices.map((notice) => (notice.kind === "server-state" ? `${notice.server} ${notice.to}` : "")),
      ["127.0.0.1:9002 maintenance", "127.0.0.1:9001 drain"],
    );
    await stage.close();
  });

  it("works without anybody watching", async () => {
    const { sim, proxy } = proxyFor({ listeners: ["127.0.0.1:80"] });
    await proxy.start();
    const client = sim.connect("127.0.0.1:80");
    client.send(`${GET}nonsense\r\n\r\n`);
    sim.drive();
    assert.deepEqual(statusesTo(client), [200, 400]);
    await sim.until(proxy.stop(), 1_000);
    sim.assertQuiet();
  });

  for (const [descriptorsMax, configured, expected] of [
    [64 + 10, "unlimited", 4],
    [64 + 10, 3, 3],
    [64 + 10, 100, 4],
    [null, 5, 5],
    [10, "unlimited", 1],
  ] as const) {
    it(`takes ${expected} clients with ${descriptorsMax} descriptors and a limit of ${configured}`, async () => {
      const { sim, proxy } = proxyFor(
        { listeners: ["127.0.0.1:80"], limits: { clientConnections: configured } },
        { descriptorsMax },
      );
      await proxy.start();
      for (let i = 0; i < 8; i++) sim.connect("127.0.0.1:80").send(GET.slice(0, -2));
      sim.drive();
      assert.equal(proxy.connectionCount, expected);
      await sim.until(proxy.stop(), 1_000);
    });
  }

  it("gives every request an id of its own, which others cannot guess", async () => {
    const ids: string[] = [];
    for (const seed of [1, 2]) {
      const stage = await stageWith({ seed, routes: [{ respond: { body: "" } }] });
      for (let i = 0; i < 40; i++) stage.ask(GET);
      ids.push(...stage.exchanges.map(({ requestId }) => requestId));
      await stage.close();
    }
    assert.equal(new Set(ids).size, 80);
    assert.notEqual(ids[0]?.split("-")[0], ids[40]?.split("-")[0]);
    assert.match(ids[39] ?? "", /^[0-9a-f]{12}-14$/);
  });

  it("drains once nothing is left, however often it is asked to", async () => {
    const stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET);
    const both = Promise.all([stage.proxy.drain(2_000), stage.proxy.drain(1_000)]);
    stage.sim.advance(500);
    assert.equal(client.closed, null);
    await stage.sim.until(both, 3_000);
    assert.ok(client.isGone);
    await stage.close();
  });
});
