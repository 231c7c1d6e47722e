import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { agentConversation } from "../../../core/health/agent-check.ts";
import { AGENT_LINE_BYTES_MAX } from "../../../core/limits.ts";
import type { Peer } from "../../../testing/peer.ts";
import { type CheckWorld, checkOnce, checkWorld, socketsLeft } from "./check-world.ts";

let world: CheckWorld;
beforeEach(() => {
  world = checkWorld();
});

const ask = (onPeer: (peer: Peer) => void, waitMs = 10) => checkOnce(world, agentConversation, { onPeer, waitMs });

describe("an agent", () => {
  it("is understood by its first line, with LF, CR, both, or the end of the connection", () => {
    for (const [text, ends] of [
      ["75% up\n", false],
      ["75% up\r\n", false],
      ["75% up\r", false],
      ["75% up", true],
      ["75% up\nmore", false],
    ] as const) {
      const result = ask((peer) => {
        peer.send(text);
        if (ends) peer.end();
      });
      assert.equal(result?.reply?.weightShare, 0.75, text);
      assert.equal(result?.reply?.isUp, true);
    }
    assert.deepEqual(socketsLeft(world), []);
  });

  it("may take its line apart", () => {
    const result = ask((peer) => {
      for (const [index, char] of [..."drain\n"].entries()) world.sim.clock.appoint(index, () => peer.send(char));
    });
    assert.equal(result?.reply?.admin, "drain");
  });

  it("that says something else is quoted", () => {
    const result = ask((peer) => peer.send("hello\n"));
    assert.deepEqual(result, { verdict: "failed", port: "accepted", reason: 'the agent said "hello"' });
  });

  it("that breaks off has said nothing", () => {
    const result = ask((peer) => {
      peer.send("up");
      peer.reset();
    });
    assert.equal(result?.reply, undefined);
    assert.equal(result?.verdict, "failed");
  });

  for (const [length, isTaken] of [
    [AGENT_LINE_BYTES_MAX - 1, true],
    [AGENT_LINE_BYTES_MAX, true],
    [AGENT_LINE_BYTES_MAX + 1, false],
  ] as const) {
    it(`may say ${length} bytes: ${isTaken}`, () => {
      const result = ask((peer) => peer.send(`${"up #".padEnd(length, "x")}\n`));
      assert.equal(result?.reply !== undefined, isTaken);
      if (!isTaken) assert.match(result?.reason ?? "", /longer than 512 bytes/);
    });
  }

  it("that never ends its line is cut short", () => {
    const result = ask((peer) => peer.send("x".repeat(100_000)));
    assert.match(result?.reason ?? "", /longer than/);
    assert.deepEqual(socketsLeft(world), []);
  });
});
