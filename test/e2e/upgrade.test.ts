import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { askBackend, type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { until } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

describe("upgrades to protocols the proxy does not know", () => {
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port, {
      routes: [
        { id: "all", upstream: "backend" },
        { id: "short", match: { path: "/short" }, upstream: "backend", timeouts: { tunnelIdle: "400ms" } },
        { id: "closed", match: { path: "/closed" }, upstream: "backend", upgrade: false },
      ],
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
  });

  const upgrade = (path: string, more = "") =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo/1\r\n\r\n${more}`;
  const openTunnels = async () => JSON.parse(await askBackend(backend, "/seen")).tunnels as number;

  it("become tunnels, with what either side says at once", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/tunnel", "early "));
    await client.receives(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    await client.receives(/\r\nUpgrade: echo\/1\r\n/);
    await client.receives("\r\n\r\nhello\nearly ");
    client.send("and \x00\xff\r\n\r\n later");
    await client.receives("early and \x00\xff\r\n\r\n later");
    client.destroy();
  });

  it("pass the client's FIN while the server still has to answer", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/reverse"));
    await client.receives("hello\n");
    client.send("0123456789".repeat(20_000));
    client.end();
    await client.receives(`${"9876543210".repeat(20_000)}.`);
    await client.ended();
    await until(async () => (await openTunnels()) === 0, "the tunnel to be closed");
  });

  it("pass the server's FIN while the client still talks", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/talk-first"));
    await client.receives("hello\ngoodbye\n");
    await client.ended();
    assert.ok(!client.isClosed, "the tunnel was closed both ways");
    client.send("a last word");
    client.end();
    await backend.says(/tunnel: a last word/);
    await until(async () => (await openTunnels()) === 0, "the tunnel to be closed");
  });

  it("end on both sides when one side resets", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/tunnel"));
    await client.receives("hello\n");
    client.reset();
    await until(async () => (await openTunnels()) === 0, "the tunnel to be closed");
  });

  it("carry much in both directions at once", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/tunnel"));
    await client.receives("hello\n");
    const piece = "abcdefghijklmnop".repeat(4096);
    for (let i = 0; i < 64; i++) client.send(piece);
    client.end();
    await client.ended();
    const start = client.text.indexOf("hello\n") + 6;
    assert.equal(client.text.length - start, 64 * piece.length);
    assert.ok(client.text.slice(start) === piece.repeat(64));
  });

  it("end when nobody says anything for timeouts.tunnelIdle", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/short"));
    await client.receives("hello\n");
    await client.ended(3_000);
    client.destroy();
  });

  it("can be refused by the server", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/refuse"));
    await client.receives(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    await client.receives("no!\n");
    client.destroy();
  });

  it("are not offered to the server where the route forbids them", async () => {
    const client = await connectWire(proxy.port);
    client.send(upgrade("/closed"));
    await client.receives(/^HTTP\/1\.1 404 Not Found\r\n/);
    client.destroy();
  });

  it("leave a connection alone that the server answers as if nothing was asked", async () => {
    const client = await connectWire(proxy.port);
    client.send(
      "GET /bytes/3 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    await client.receives(/^HTTP\/1\.1 (200|101)/);
    client.destroy();
  });
});
