import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "@std/testing/bdd";
import { WebSocket, WebSocketServer } from "ws";
import { createNodeHandler, type NodeHandler } from "../../library/mod.ts";
import { until } from "../e2e/wait.ts";

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";

const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

describe("a proxy as handlers of node:http", () => {
  let backend: Server;
  let front: Server;
  let handler: NodeHandler;
  let rawSeen: readonly string[] = [];
  let onLost: () => void = () => {};
  let breakOff: () => void = () => {};
  let agree: (() => void) | null = null;
  let reached: string[] = [];

  before(async () => {
    backend = await listening((request, response) => serve(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    backend.on("upgrade", (request, socket, head) => {
      if (request.url === "/refused") socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      else if (request.url === "/refused-in-part") {
        socket.write("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
        breakOff = () => socket.destroy();
      } else if (request.url === "/silent") {
        socket.on("error", () => {}).on("end", () => socket.end());
        socket.on("close", () => onLost()).resume();
      } else if (request.url === "/late") {
        socket.on("data", (bytes) => socket.write(bytes)).on("end", () => socket.end());
        agree = () => socket.write(SWITCHED);
      } else if (request.url === "/reset") {
        socket.write(SWITCHED);
        breakOff = () => (socket as Socket).resetAndDestroy();
      } else
        sockets.handleUpgrade(request, socket, head, (client) => {
          client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
        });
    });
    handler = createNodeHandler({ upstream: { servers: [`127.0.0.1:${portOf(backend)}`] } });
    front = await listening((request, response) => handler.request(request, response));
    front.on("upgrade", handler.upgrade);
  });
  after(async () => {
    await handler.close();
    for (const server of [front, backend]) {
      server.closeAllConnections?.();
      server.close();
    }
  });

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    reached.push(path);
    rawSeen = request.rawHeaders;
    if (path === "/echo") request.pipe(response);
    else if (path === "/silent") response.on("close", () => onLost());
    else if (path === "/part") {
      response.write("part");
      breakOff = () => response.destroy();
    } else if (path === "/odd") response.writeHead(520, "Quite Odd").end();
    else {
      response.setHeader("Set-Cookie", ["a=1", "b=2"]);
      response.setHeader("X-Forwarded-Seen", request.headers["x-forwarded-for"] ?? "");
      response.end(`${request.method} ${path}`);
    }
  }

  it("passes fields in their order and case, and answers with all of them", async () => {
    const answer = await raw(
      portOf(front),
      "GET /x?y=1 HTTP/1.1\r\nHost: a.example\r\nX-Zebra: 1\r\nx-APPLE: 2\r\nConnection: close\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /GET \/x\?y=1/);
    assert.match(answer, /set-cookie: a=1\r\nset-cookie: b=2/i);
    assert.match(answer, /x-forwarded-seen: 127\.0\.0\.1/i);
    const names = rawSeen.filter((_, index) => index % 2 === 0);
    if (runtime === "node") assert.ok(names.join().includes("X-Zebra,x-APPLE"), names.join());
  });

  it("passes the server's words for its status, where the runtime can send them", async () => {
    const answer = await raw(portOf(front), "GET /odd HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    assert.match(answer, runtime === "node" ? /^HTTP\/1\.1 520 Quite Odd\r/ : /^HTTP\/1\.1 520 /);
  });

  it("streams bodies both ways", async () => {
    const body = new Uint8Array(3_000_000).fill(7);
    const response = await fetch(`http://127.0.0.1:${portOf(front)}/echo`, { method: "POST", body });
    assert.equal((await response.arrayBuffer()).byteLength, body.length);
    const head = await fetch(`http://127.0.0.1:${portOf(front)}/x`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });

  it("tells the server that a client has gone", async () => {
    const lost = new Promise<void>((done) => {
      onLost = done;
    });
    const client = connect(portOf(front), "127.0.0.1");
    client.on("error", () => {});
    client.write("GET /silent HTTP/1.1\r\nHost: a.example\r\n\r\n");
    await until(() => reached.includes("/silent"), "the request is at the server");
    client.destroy();
    await lost;
    await until(() => handler.proxy.connectionCount === 0, "no connection is left");
  });

  it("resets where the end of the connection would look like the end of what it carries", async () => {
    const part = "GET /part HTTP/1.0\r\nHost: a.example\r\n\r\n";
    assert.equal(await endOf(portOf(front), part, /part$/, () => breakOff()), "ECONNRESET");
    assert.equal(await endOf(portOf(front), upgrade("/refused-in-part"), /part$/, () => breakOff()), "ECONNRESET");
    assert.equal(await endOf(portOf(front), upgrade("/reset"), /\r\n\r\n$/, () => breakOff()), "ECONNRESET");
  });

  it("tells the server that a client has gone which waited for another protocol", async () => {
    const lost = new Promise<void>((gone) => {
      onLost = gone;
    });
    const socket = connect(portOf(front), "127.0.0.1", () => socket.write(upgrade("/silent")));
    await until(() => handler.proxy.connectionCount === 1, "the request is at the proxy");
    socket.destroy();
    await lost;
    await until(() => handler.proxy.connectionCount === 0, "no connection is left");
  });

  it("keeps what comes before the server has agreed to another protocol, and its end", async () => {
    for (const rest of ["", " and more"]) {
      agree = null;
      const socket = connect(portOf(front), "127.0.0.1", () => socket.write(upgrade("/late")));
      let answer = "";
      socket.on("data", (bytes) => {
        answer += bytes.toString("latin1");
      });
      const ended = new Promise((done) => socket.on("end", done));
      await until(() => agree !== null, "the request is at the server");
      socket.write("early");
      await new Promise((done) => setTimeout(done, 50));
      socket.end(rest);
      await new Promise((done) => setTimeout(done, 50));
      agree!();
      await ended;
      assert.equal(answer.split("\r\n\r\n")[1], `early${rest}`);
    }
    await until(() => handler.proxy.connectionCount === 0, "no connection is left");
  });

  it("is a middleware, which calls next only with what went wrong", async () => {
    const errors: unknown[] = [];
    const app = await listening((request, response) => {
      const next = (error?: unknown): void => {
        errors.push(error);
        response.writeHead(500).end("mine");
      };
      if (request.url?.startsWith("/api") !== true) response.end("own");
      else if (request.url !== "/api/read") handler.request(request, response, next);
      else request.on("end", () => handler.request(request, response, next)).resume();
    });
    const base = `http://127.0.0.1:${portOf(app)}`;
    assert.equal(await (await fetch(`${base}/`)).text(), "own");
    assert.equal(await (await fetch(`${base}/api/x`)).text(), "GET /api/x");
    assert.equal(await (await fetch(`${base}/api/read`, { method: "POST", body: "x" })).text(), "mine");
    assert.match(String(errors[0]), /mount it before parsers of bodies/);
    app.closeAllConnections?.();
    app.close();
  });

  it("carries WebSockets", async () => {
    const client = new WebSocket(`ws://127.0.0.1:${portOf(front)}/socket`);
    const answer = await new Promise<string>((resolve, reject) => {
      client.on("open", () => client.send("hello"));
      client.on("message", (data) => resolve(String(data)));
      client.on("error", reject);
    });
    assert.equal(answer, "hello");
    const closed = new Promise((done) => client.on("close", done));
    client.close();
    await closed;
    await until(() => handler.proxy.connectionCount === 0, "no connection is left");
  });

  it("lets nothing pass behind an upgrade that was refused", async () => {
    reached = [];
    const answer = await raw(
      portOf(front),
      "GET /refused HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
        "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 403 [\s\S]*no$/);
    assert.equal(answer.split("HTTP/1.1").length, 2);
    assert.deepEqual(reached, []);
  });
});

async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    socket.on("end", () => socket.end()).on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

function upgrade(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n`;
}

/** How the connection ends after `onSeen`, which is called when `expected` has come. */
function endOf(port: number, text: string, expected: RegExp, onSeen: () => void): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      if (expected.test(answer)) onSeen();
    });
    socket.on("end", () => resolve("end")).on("error", (error: Error & { code?: string }) => resolve(error.code ?? ""));
  });
}
