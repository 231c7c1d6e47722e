import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { askBackend, type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { pause } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

describe("server-sent events through the proxy", () => {
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port, { timeouts: { responseIdle: "200ms" } });
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
  });

  const fire = (id: number) => askBackend(backend, `/fire/${id}`);

  it("arrive one by one while the response goes on, also after more than timeouts.responseIdle", async () => {
    const client = await connectWire(proxy.port);
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    await client.receives(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n/);
    for (let id = 1; id <= 3; id++) {
      if (id === 2) await pause(400);
      await fire(id);
      await client.receives(`id: ${id}\ndata: event ${id}\n\n`);
      assert.ok(!client.text.includes("\r\n0\r\n"), "the response is still open");
    }
    await fire(0);
    await client.receives("\r\n0\r\n\r\n");
    client.destroy();
  });

  it("arrive one by one at HTTP/1.0 clients, too", async () => {
    const client = await connectWire(proxy.port);
    client.send("GET /stream HTTP/1.0\r\n\r\n");
    await client.receives(/\r\n\r\n/);
    for (let id = 1; id <= 2; id++) {
      await fire(id);
      await client.receives(`id: ${id}\ndata: event ${id}\n\n`);
    }
    await fire(0);
    await client.ended();
  });
});
