import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { createNodeHandler, type NodeHandler } from "../../library/mod.ts";
import { within } from "../e2e/wait.ts";

const HELD_BYTES = 32 * 1024 * 1024;

/** Without a certificate. */
const TLS = { maxVersion: "TLSv1.2", ciphers: "PSK-AES128-GCM-SHA256" } as const;
const SHARED = { psk: new Uint8Array(16), identity: "client" };

// Deno 2.9: node:net is not told of a reset while it does not read, and leaves a write of no bytes out.
describe("a client held by a server that does not read", { ignore: "Deno" in globalThis }, () => {
  let server: Server;
  let front: HttpServer;
  let handler: NodeHandler;
  let accepted: Promise<unknown[]>;
  /** The server around the handler has closed the client's connection. */
  let heard: Promise<unknown>;

  beforeEach(async () => {
    server = createServer({ pauseOnConnect: true });
    accepted = once(server, "connection");
    await listening(server);
    handler = createNodeHandler({ upstream: { servers: [`127.0.0.1:${portOf(server)}`] } });
    front = createHttpServer((request, response) => handler.request(request, response));
    front.on("upgrade", handler.upgrade);
    heard = new Promise((resolve) => front.once("connection", (socket) => socket.once("close", resolve)));
    await listening(front);
  });
  afterEach(async () => {
    await handler.close();
    front.closeAllConnections();
    front.close();
    server.close();
  });

  it("is heard when it resets its upload over TLS", { ignore: "Bun" in globalThis }, async () => {
    const secure = createHttpsServer({ ...TLS, pskCallback: () => SHARED.psk }, handler.request);
    const heardOverTls = new Promise((resolve) => {
      secure.once("secureConnection", (socket) => socket.once("close", resolve));
    });
    await listening(secure);
    const raw = connect(portOf(secure), "127.0.0.1").on("error", () => {});
    const checkServerIdentity = () => undefined;
    const client = connectTls({ ...TLS, socket: raw, pskCallback: () => SHARED, checkServerIdentity });
    client.on("error", () => {});
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${HELD_BYTES}\r\n\r\n`);
    await accepted;
    await fill(client);
    raw.resetAndDestroy();
    try {
      await within(heardOverTls, "the reset");
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  });

  async function fill(client: Socket): Promise<void> {
    client.write(new Uint8Array(HELD_BYTES));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.ok(client.writableLength > 0, "it is held");
  }

  it("is heard when it resets its upload", async () => {
    const client = connect(portOf(front), "127.0.0.1").on("error", () => {});
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${HELD_BYTES}\r\n\r\n`);
    const [upstream] = (await accepted) as [Socket];
    const gone = new Promise((resolve) => upstream.on("error", () => {}).once("close", resolve));
    await fill(client);
    client.resetAndDestroy();
    await within(heard, "the reset"); // long before a timeout
    upstream.resume(); // what does not read is not told of the end
    await gone;
  });

  it("is heard when it resets its tunnel", async () => {
    const client = connect(portOf(front), "127.0.0.1").on("error", () => {});
    client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    const [upstream] = (await accepted) as [Socket];
    const gone = new Promise((resolve) => upstream.on("error", () => {}).once("close", resolve));
    upstream.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    await once(client, "data");
    await fill(client);
    client.resetAndDestroy();
    await within(heard, "the reset"); // long before a timeout
    upstream.resume(); // what does not read is not told of the end
    await gone;
  });
});

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
