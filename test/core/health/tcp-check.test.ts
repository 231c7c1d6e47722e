import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { tcpConversation } from "../../../core/health/tcp-check.ts";
import { checkOnce, checkWorld, socketsLeft } from "./check-world.ts";

describe("a check by TCP", () => {
  it("passes with the connection, says nothing on it and closes it", () => {
    const world = checkWorld();
    let said = "";
    let closed = false;
    const result = checkOnce(world, tcpConversation, {
      onPeer(peer) {
        peer.onReceive = () => void (said += peer.text());
        world.sim.clock.appoint(50, () => void (closed = peer.closed !== null));
      },
      waitMs: 100,
    });
    assert.deepEqual(result, { verdict: "passed", port: "accepted", reason: "the connection was accepted" });
    assert.deepEqual([said, closed], ["", true]);
    assert.deepEqual(socketsLeft(world), []);
  });

  it("fails where nobody listens", () => {
    const result = checkOnce(checkWorld(), tcpConversation, {});
    assert.deepEqual([result?.verdict, result?.port], ["failed", "refused"]);
  });
});
