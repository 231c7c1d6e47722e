import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { CheckRun, type Conversation, type Finish } from "../../../core/health/check-run.ts";
import type { Runtime } from "../../../core/runtime.ts";
import { addressOf } from "../../../testing/wire.ts";
import { type CheckWorld, checkOnce, checkWorld, SERVER, socketsLeft } from "./check-world.ts";

let world: CheckWorld;
beforeEach(() => {
  world = checkWorld();
});

const HANDLER = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
const silent: Conversation = (socket) => {
  socket.handler = HANDLER;
  return () => socket.destroy();
};

describe("one check", () => {
  it("ends with what was found out, and lets go of the connection", () => {
    let finish: Finish | null = null;
    const talk: Conversation = (socket, end) => {
      finish = end;
      return silent(socket, end);
    };
    assert.equal(checkOnce(world, talk, { onPeer() {} }), null);
    const late: Conversation = (socket, end) => {
      const letGo = silent(socket, end);
      end("failed", "because");
      end("passed", "never heard");
      return letGo;
    };
    const result = checkOnce(world, late, { onPeer() {} });
    assert.deepEqual(result, { verdict: "failed", port: "accepted", reason: "because" });
    assert.ok(finish !== null);
  });

  it("fails when no connection comes about in time", () => {
    world.sim.hang(SERVER);
    const result = checkOnce(world, silent, { timeoutMs: 500, waitMs: 700 });
    assert.deepEqual(result, { verdict: "failed", port: "unknown", reason: "no connection within 500 ms" });
    assert.deepEqual(socketsLeft(world), []);
  });

  it("fails when the connection brings no answer in time: not before, and up to two ticks later", () => {
    assert.equal(checkOnce(world, silent, { onPeer() {}, timeoutMs: 500, waitMs: 490 }), null);
    world = checkWorld();
    const result = checkOnce(world, silent, { onPeer() {}, timeoutMs: 500, waitMs: 610 });
    assert.deepEqual(result, { verdict: "failed", port: "accepted", reason: "no complete answer within 500 ms" });
    assert.deepEqual(socketsLeft(world), []);
  });

  for (const [code, verdict, port] of [
    ["ECONNREFUSED", "failed", "refused"],
    ["ENOENT", "failed", "refused"],
    ["EHOSTUNREACH", "failed", "refused"],
    ["ENETUNREACH", "failed", "refused"],
    ["ETIMEDOUT", "failed", "unknown"],
    ["EMFILE", "unknown", "unknown"],
    ["ENFILE", "unknown", "unknown"],
    ["EADDRNOTAVAIL", "unknown", "unknown"],
  ] as const) {
    it(`that meets ${code} has ${verdict}, and the port is ${port}`, () => {
      world.sim.failConnect(SERVER, code);
      const result = checkOnce(world, silent, {});
      assert.deepEqual([result?.verdict, result?.port], [verdict, port]);
    });
  }

  it("that is late, or cancelled, gives its connect up", () => {
    for (const isCancelled of [false, true]) {
      const codes: string[] = [];
      world.sim.hang(SERVER);
      const runtime: Runtime = {
        ...world.runtime,
        connect: (options, done) =>
          world.runtime.connect(options, (error, socket) => {
            codes.push(error?.code ?? "connected");
            done(error, socket);
          }),
      };
      let released = 0;
      const run = new CheckRun(world.timers, 500, silent, { onResult() {}, onReleased: () => void released++ });
      run.start(runtime, addressOf(SERVER));
      if (isCancelled) {
        run.cancel();
        run.cancel();
        assert.equal(released, 0, "its descriptor is not free yet");
      } else {
        world.sim.advance(700);
      }
      world.sim.drive();
      assert.deepEqual([codes, released], [["ECANCELED"], 1]);
    }
  });

  it("that is cancelled says nothing and leaves nothing, whenever that is", () => {
    world.sim.serve(SERVER, () => {});
    for (const drives of [false, true]) {
      let released = 0;
      const owner = { onResult: () => assert.fail("cancelled"), onReleased: () => void released++ };
      const run = new CheckRun(world.timers, 500, silent, owner);
      run.start(world.runtime, addressOf(SERVER));
      if (drives) world.sim.drive();
      run.cancel();
      world.sim.advance(1_000);
      assert.deepEqual(socketsLeft(world), []);
      assert.equal(released, 1);
    }
  });
});
