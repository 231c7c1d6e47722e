import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertHealthy, finalsOf, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

describe("heads that take their time", () => {
  it("L21 a head that arrives a byte per second is refused after ten seconds, however busy it is", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    const head = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(16_000)}`;
    let seconds = 0;
    for (; seconds < 30 && client.closed === null; seconds++) {
      client.send(head[seconds] as string);
      stage.sim.advance(1_000);
    }
    assert.deepEqual(statusesOf(client), [408]);
    assert.equal(
      finalsOf(client)[0]?.fields.some(([name, value]) => /^connection$/i.test(name) && value === "close"),
      true,
    );
    assert.ok(seconds >= 10 && seconds <= 11, `refused after ${seconds} s`);
    assert.deepEqual(forwardedTo(stage), []);
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("L21 a head that is complete just before the limit is served", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    stage.sim.advance(9_900);
    client.send("\r\n");
    stage.sim.advance(50);
    stage.sim.drive();
    assert.deepEqual(statusesOf(client), [200]);
    await strike(stage, client);
  });
});
