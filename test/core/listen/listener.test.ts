import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
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
    assert.deepEqual(stage.notices, [{ kind: "connection-shed", listener: LISTEN, limit: 2 }]);
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
    stage.sim.failAccept(LISTEN, "EMFILE");
    stage.sim.drive();
    assert.equal(stage.notices[0]?.kind, "accept-failed");
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
  });

  it("lets idle connections go and keeps busy ones while it drains, and closes all when it stops", async () => {
    stage = await stageWith({ script: SILENT });
    const [idle, busy] = [stage.client(), stage.ask(GET)];
    void stage.proxy.drain();
    stage.sim.advance(200);
    assert.deepEqual([idle.closed, busy.closed], ["end", null]);
    await stage.sim.until(stage.proxy.stop(), 100);
    stage.sim.drive();
    assert.ok(busy.isGone);
  });
});
