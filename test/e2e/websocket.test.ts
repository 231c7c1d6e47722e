import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Backend, nodeScript, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { type Program, startProgram } from "./program.ts";
import { connectWire } from "./wire-client.ts";

describe("WebSocket through the proxy", () => {
  let backend: Backend;
  let proxy: Millrace;
  let client: Program;
  let asked = 0;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port);
    client = startProgram(nodeScript("websocket-client.ts"));
    await client.says(/listening/);
  });
  afterAll(async () => {
    await client?.stop();
    await proxy?.stop();
    await backend?.stop();
  });

  /** The result of a command of `websocket-client.ts`. */
  async function ask(command: string, path: string): Promise<unknown> {
    const id = `#${++asked}`;
    client.write(`${id} ${command} ws://127.0.0.1:${proxy.port}${path}\n`);
    const [, answer = ""] = await client.says(new RegExp(`^${id} (.*)\\n`, "m"));
    const { result, error } = JSON.parse(Buffer.from(answer, "latin1").toString("utf8"));
    assert.equal(error, undefined, `${command}: ${error}`);
    return result;
  }

  it("carries text", async () => {
    assert.deepEqual(await ask("text", "/ws"), { text: "grüße 👋", isBinary: false });
  });

  it("carries binary messages of up to 3 MB", async () => {
    assert.deepEqual(await ask("binary", "/ws"), [0, 1, 125, 126, 65_535, 65_536, 1_048_576, 3_000_000]);
  });

  it("carries fragments, and a ping between them", async () => {
    assert.equal(await ask("fragments", "/ws"), Array.from({ length: 20 }, (_, i) => `part ${i} `).join(""));
  });

  it("carries ping and pong", async () => {
    assert.equal(await ask("ping", "/ws"), "are you there");
  });

  it("carries close codes both ways", async () => {
    assert.equal(await ask("closeByClient", "/ws"), 4002);
    await backend.says(/ws closed 4002 client's reason/);
    assert.deepEqual(await ask("closeByServer", "/ws/close"), [4001, "server's reason"]);
    await backend.says(/ws closed 4001 server's reason/);
  });

  it("carries what the server says right after the handshake", async () => {
    assert.equal(await ask("first", "/ws/first"), "server speaks first");
  });

  it("carries compressed messages untouched", async () => {
    assert.deepEqual(await ask("deflate", "/ws"), { extensions: "permessage-deflate", length: 110_000 });
  });

  it("carries 200 connections at once", async () => {
    assert.equal(await ask("many", "/ws"), 200);
  });

  it("shows a refused handshake", async () => {
    assert.deepEqual(await ask("refused", "/refuse"), [401, "Basic"]);
  });

  it("shows a cut connection", async () => {
    const cut = await startNodeBackend();
    const other = await startForwarding(cut.port);
    try {
      client.write(`#cut cutByServer ws://127.0.0.1:${other.port}/ws\n`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      cut.signal("SIGKILL");
      await client.says(/^#cut {"result":1006}/m);
    } finally {
      await other.stop();
      await cut.stop();
    }
  });

  it("answers a broken handshake with 400 itself", async () => {
    const wire = await connectWire(proxy.port);
    wire.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    await wire.receives(/^HTTP\/1\.1 400 /);
    wire.destroy();
  });

  it("passes on a server's 400 for a version it does not speak", async () => {
    const wire = await connectWire(proxy.port);
    wire.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await wire.receives(/^HTTP\/1\.1 4\d\d /);
    wire.destroy();
  });
});
