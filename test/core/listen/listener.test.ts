import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { Engine } from "../../../core/exchange/engine.ts";
import { DESCRIPTORS_NOTICE_MS, EARLY_CONNECTIONS_MAX, LAST_CHANCE_MS, TICK_MS } from "../../../core/limits.ts";
import { Listener } from "../../../core/listen/listener.ts";
import { Pressure } from "../../../core/listen/pressure.ts";
import type { Runtime } from "../../../core/runtime.ts";
import type { Peer } from "../../../testing/peer.ts";
import { addressOf } from "../../../testing/wire.ts";
import { GET, LISTEN, SILENT, type Stage, stageWith, statusesTo } from "../../scenario/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

describe("a listener", () => {
  it("accepts up to the limit of all, resets the rest and says so", async () => {
    stage = await stageWith({ limits: { clientConnections: 2 } });
    const clients = [stage.ask(GET), stage.ask(GET), stage.ask(GET)];
    assert.deepEqual(
      clients.map(({ isGone }) => isGone),
      [false, false, true],
    );
    assert.deepEqual(stage.notices, [{ kind: "connection-shed", listener: LISTEN, limit: 2, by: "configuration" }]);
    assert.equal(stage.proxy.connectionCount, 2);
  });

  it("counts each connection once, however it ends", async () => {
    stage = await stageWith();
    const [ended, reset, left] = [stage.ask(GET), stage.ask(GET), stage.ask(GET)];
    assert.equal(stage.proxy.connectionCount, 3);
    ended.end();
    reset.reset();
    left.destroy();
    stage.sim.drive();
    assert.equal(stage.proxy.connectionCount, 0);
  });

  it("goes on after a failure to accept, and says so", async () => {
    stage = await stageWith();
    stage.sim.failAccept(LISTEN, "EACCES");
    stage.sim.drive();
    assert.equal(stage.notices[0]?.kind, "accept-failed");
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
  });

  it("says what the system lacks as often as what the process does, and that it is the system", async () => {
    stage = await stageWith({ descriptorsMax: 256 });
    const { sim, notices } = stage;
    for (let i = 0; i < 100; i++) {
      sim.failAccept(LISTEN, "ENFILE");
      sim.drive();
    }
    assert.equal(notices.length, 1);
    const [told] = notices;
    assert.equal(told?.kind === "accept-failed" && told.error.code, "ENFILE");
  });

  it("says that no descriptors are left, and how many there are, once in five seconds", async () => {
    stage = await stageWith({ descriptorsMax: 256 });
    const { sim, notices } = stage;
    const fail = () => {
      sim.failAccept(LISTEN, "EMFILE");
      sim.drive();
    };
    for (let i = 0; i < 100; i++) fail();
    assert.deepEqual(notices, [{ kind: "descriptors-exhausted", listener: LISTEN, limit: 256 }]);
    sim.advance(DESCRIPTORS_NOTICE_MS - 2 * TICK_MS);
    fail();
    assert.equal(notices.length, 1);
    sim.advance(2 * TICK_MS);
    fail();
    assert.equal(notices.length, 2);
  });

  it("lets idle connections go and keeps busy ones while it drains, and closes all when it stops", async () => {
    stage = await stageWith({ script: SILENT });
    const [idle, busy] = [stage.client(), stage.ask(GET)];
    void stage.proxy.drain();
    stage.after(LAST_CHANCE_MS, () => idle.closed === "end");
    assert.equal(busy.closed, null);
    await stage.sim.until(stage.proxy.stop(), 100);
    stage.sim.drive();
    assert.ok(busy.isGone);
  });

  it("listens once more where the close of the lost one has removed the new file, too", async () => {
    stage = await stageWith();
    const { engine, sim } = stage;
    const path = "unix:/run/m.sock";
    const listen: Runtime["listen"] = async (...given) => {
      const port = await engine.runtime.listen(...given);
      // As on Deno, where it may write that file and none beside it.
      const close = (): Promise<void> => {
        sim.unlink(path);
        return port.close();
      };
      return { ...port, close };
    };
    const removing: Engine = Object.create(engine, { runtime: { value: { ...engine.runtime, listen } } });
    const definition = { name: "m", address: addressOf(path), reusePort: false };
    const listener = new Listener(removing, definition, new Pressure(engine));
    await listener.start();
    sim.unlink(path);
    assert.ok(listener.isLost);
    await listener.start();
    assert.ok(!listener.isLost);
    await listener.stopAccepting();
  });

  it("lets a bounded number wait until its configuration takes over, then serves them", async () => {
    stage = await stageWith({ limits: { clientConnections: 2_000 } });
    const { engine, sim } = stage;
    const pressure = new Pressure(engine);
    const listener = new Listener(
      engine,
      { name: "new", address: addressOf("127.0.0.1:81"), reusePort: false },
      pressure,
    );
    await listener.start();
    const clients = Array.from({ length: EARLY_CONNECTIONS_MAX + 1 }, () => {
      const client = sim.connect("127.0.0.1:81");
      client.send(GET);
      return client;
    });
    sim.drive();
    assert.equal(clients.filter(({ isGone }) => isGone).length, 1);
    assert.equal(pressure.connections, 0);
    listener.open();
    sim.drive();
    assert.deepEqual(statusesTo(clients.find(({ isGone }) => !isGone) as Peer), [200]);
    assert.equal(pressure.connections, EARLY_CONNECTIONS_MAX);
    listener.closeAll();
    await listener.stopAccepting();
    sim.drive();
  });
});
