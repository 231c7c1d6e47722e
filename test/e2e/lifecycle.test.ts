// How the process ends, and that it does not end otherwise.

import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { askBackend, type Backend, startNodeBackend } from "./backend.ts";
import { startForwarding } from "./millrace.ts";
import { pause, until, within } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

describe("the end of the process", () => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await startNodeBackend();
  });
  afterAll(async () => {
    await backend?.stop();
  });

  const seen = async () => JSON.parse(await askBackend(backend, "/seen")) as Record<string, number>;

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`finishes what is in flight at ${signal}, closes idle connections, and leaves with 0`, async () => {
      const proxy = await startForwarding(backend.port);
      const idle = await connectWire(proxy.port);
      idle.send("GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n");
      await idle.receives("\r\n\r\n");
      const fresh = await connectWire(proxy.port);
      const busy = await connectWire(proxy.port);
      busy.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
      await busy.receives("\r\n\r\n");
      proxy.signal(signal);
      for (const client of [idle, fresh]) {
        await client.ended();
        client.end();
      }
      await assert.rejects(connectWire(proxy.port), "it still accepts");
      assert.ok(proxy.isRunning && !busy.hasEnded);
      for (const id of [1, 0]) await askBackend(backend, `/fire/${id}`);
      await busy.receives("data: event 1\n\n\r\n0\r\n\r\n");
      await busy.ended();
      busy.end();
      assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
    });
  }

  it("does not wait long for a client that keeps its side open", async () => {
    const proxy = await startForwarding(backend.port);
    const stubborn = await connectWire(proxy.port);
    stubborn.send("GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n");
    await stubborn.receives("\r\n\r\n");
    proxy.signal("SIGTERM");
    assert.equal((await within(proxy.exited, "the end", 4_000)).code, 0);
    stubborn.destroy();
  });

  it("tells the client of a request in flight not to send another", async () => {
    const proxy = await startForwarding(backend.port);
    const busy = await connectWire(proxy.port);
    const before = (await seen())["requests"] ?? 0;
    busy.send("GET /late/1500 HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(async () => ((await seen())["requests"] ?? 0) > before, "the request to arrive");
    proxy.signal("SIGTERM");
    await busy.receives("late\n");
    assert.match(busy.text, /\r\nConnection: close\r\n/i);
    busy.destroy();
    assert.equal((await within(proxy.exited, "the end")).code, 0);
  });

  it("stops at once at a second signal, with 4", async () => {
    const proxy = await startForwarding(backend.port);
    const busy = await connectWire(proxy.port);
    busy.send("GET /slow/20000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await busy.receives("first");
    proxy.signal("SIGTERM");
    await proxy.says(/SIGTERM: finishing/);
    proxy.signal("SIGTERM");
    assert.deepEqual(await within(proxy.exited, "the end", 2_000), { code: 4, signal: null });
    await busy.ended();
    busy.destroy();
  });

  it("cuts off what is in flight after timeouts.drain, with 4", async () => {
    const proxy = await startForwarding(backend.port, { timeouts: { drain: "300ms" } });
    const busy = await connectWire(proxy.port);
    busy.send("GET /slow/20000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await busy.receives("first");
    proxy.signal("SIGINT");
    assert.deepEqual(await within(proxy.exited, "the end", 3_000), { code: 4, signal: null });
    busy.destroy();
  });

  it("does not end by itself while nothing happens", async () => {
    const proxy = await startForwarding(backend.port);
    await pause(500);
    assert.ok(proxy.isRunning);
    const client = await connectWire(proxy.port);
    client.send("GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.receives("200 OK");
    client.destroy();
    await proxy.stop();
  });
});
