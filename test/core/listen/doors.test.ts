import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../../core/bytes/text.ts";
import { memorySocketPair } from "../../../core/listen/memory-socket.ts";
import type { Socket } from "../../../core/runtime.ts";
import { Recorder } from "../../adapters/contract/recorder.ts";
import { GET, SILENT, type Stage, stageWith } from "../../scenario/stage.ts";

let stage: Stage;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.reset();
  stage.sim.drive();
  return stage.close();
});

/** A client in memory that has sent a request. */
function handOver(): Recorder {
  const [inside, outside] = memorySocketPair({
    local: { kind: "unix", path: "" },
    peer: { kind: "tcp", host: "192.0.2.7", port: 1 },
    highWaterBytes: 65_536,
    later: (task) => stage.sim.clock.deliver(0, task),
  });
  const client = new Recorder();
  outside.handler = client;
  outside.resume();
  clients.push(outside);
  stage.proxy.accept(inside, "program");
  outside.write(bytesOf(GET));
  stage.sim.drive();
  return client;
}

describe("a connection that came by no listener", () => {
  it("is served as any other", async () => {
    stage = await stageWith();
    const client = handOver();
    assert.match(client.text(), /^HTTP\/1\.1 200 /);
    assert.equal(stage.proxy.connectionCount, 1);
    assert.equal(stage.exchanges.length, 1);
  });

  it("is shed at the limits that hold for all", async () => {
    stage = await stageWith({ limits: { clientConnections: 1 } });
    handOver();
    assert.deepEqual(handOver().events, ["close ECONNRESET"]);
    assert.deepEqual(stage.notices, [{ kind: "connection-shed", listener: "program", limit: 1, by: "configuration" }]);
  });

  it("may end while the proxy drains, which lets nobody else in", async () => {
    stage = await stageWith({ script: SILENT });
    const busy = handOver();
    const drained = stage.proxy.drain(5_000);
    stage.sim.drive();
    assert.deepEqual(handOver().events, ["close ECONNRESET"]);
    assert.equal(busy.closed, false);
    assert.equal(await stage.sim.until(drained, 6_000), false);
    stage.sim.drive();
    assert.match(busy.text(), /^HTTP\/1\.1 503 .*internal\.draining/s);
    assert.equal(busy.events.at(-1), "end");
  });
});
