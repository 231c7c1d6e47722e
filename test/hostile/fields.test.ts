import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertHealthy, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

describe("fields that tell where a request has been", () => {
  it("H11 a proxy that is its own upstream stops after ten rounds", async () => {
    const stage = await simulate("plain", {}, (config) => ({
      ...config,
      upstreams: { app: { servers: ["127.0.0.1:9001"] }, self: { servers: ["127.0.0.1:8080"] } },
      routes: [{ match: { path: "/loop" }, upstream: "self" }, { upstream: "app" }],
    }));
    const client = stage.connect(WHOLE);
    client.send("GET /loop HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.sim.advance(2_000);
    stage.sim.drive();
    const [status] = statusesOf(client);
    assert.ok(status === 508 || status === 502, `${status}`);
    assert.ok(stage.proxy.connectionCount <= 12, `${stage.proxy.connectionCount} connections`);
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("H11 other proxies in Via are no loop", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    const others = Array.from({ length: 30 }, (_, i) => `1.1 p${i}`).join(", ");
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nVia: ${others}\r\n\r\n`);
    stage.sim.drive();
    assert.deepEqual(statusesOf(client), [200]);
    assert.equal(forwardedTo(stage).length, 1);
    await strike(stage, client);
  });
});
