// What clients and the log say when one side fails.

import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { askBackend, type Backend, freePort, startNodeBackend } from "./backend.ts";
import { curl, fieldOf } from "./curl.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { until } from "./wait.ts";
import { connectWire } from "./wire-client.ts";
import { startWireServer } from "./wire-server.ts";

describe("a server that is down", { ignore: lacksTool("curl") }, () => {
  let proxy: Millrace;
  let deadPort: number;

  beforeAll(async () => {
    deadPort = await freePort();
    proxy = await startForwarding(deadPort);
  });
  afterAll(async () => {
    await proxy?.stop();
  });

  it("means 502, with a request id that the log has, too", async () => {
    const answer = await curl([`${proxy.url}/some/path?token=abc`]);
    assert.deepEqual([answer.code, answer.status], [0, 502]);
    assert.match(fieldOf(answer.head, "Content-Type") ?? "", /^text\/plain/);
    const [, id = ""] = /^request (\S+)$/m.exec(answer.body) ?? [];
    assert.ok(id.length >= 8, answer.body);
    const [line] = await proxy.says(new RegExp(`^.*${id}.*$`, "m"));
    assert.match(line, /upstream\.connect-refused/);
    assert.match(line, new RegExp(`server 127\\.0\\.0\\.1:${deadPort}`));
    assert.match(line, /GET .*\/some\/path\?token=\*\*\*/);
  });

  it("means JSON where it is accepted", async () => {
    const answer = await curl(["-H", "Accept: application/json", `${proxy.url}/`]);
    assert.equal(answer.status, 502);
    assert.equal(fieldOf(answer.head, "Content-Type"), "application/json");
    const body = JSON.parse(answer.body);
    assert.equal(body.status, 502);
    await proxy.says(new RegExp(body.requestId));
  });

  it("does not keep an upload waiting", async () => {
    const answer = await curl(["-T", "-", `${proxy.url}/`], Buffer.alloc(3_000_000));
    assert.equal(answer.status, 502, answer.stderr);
  });

  it("costs the client's connection nothing", async () => {
    const answer = await curl([`${proxy.url}/1`, `${proxy.url}/2`]);
    assert.equal(answer.connects, 1);
  });

  it("is used again once it is up", async () => {
    const server = await startWireServer();
    const later = await startForwarding(server.port);
    await server.stop();
    try {
      assert.equal((await curl([later.url])).status, 502);
    } finally {
      await later.stop();
    }
  });
});

describe("a side that breaks off", { ignore: lacksTool("curl") }, () => {
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port, {
      routes: [
        { id: "all", upstream: "backend" },
        { id: "impatient", match: { path: "/hang" }, upstream: "backend", timeouts: { firstByte: "300ms" } },
        {
          id: "small",
          match: { path: "/upload", query: { small: true } },
          upstream: "backend",
          limits: { requestBody: "1KiB" },
        },
      ],
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
  });

  const seen = async () => JSON.parse(await askBackend(backend, "/seen")) as Record<string, number>;

  it("the server, in a body of known length: curl says it is cut", async () => {
    const answer = await curl([`${proxy.url}/cut/50000`]);
    assert.equal(answer.code, 18, answer.stderr);
    assert.equal(answer.body.length, 50_000);
    await proxy.says(/upstream\.truncated.*\/cut\/50000/);
  });

  it("the server, in a chunked body: curl says it is cut", async () => {
    const answer = await curl([`${proxy.url}/cut-chunked/50000`]);
    assert.ok(answer.code === 18 || answer.code === 56, `${answer.code} ${answer.stderr}`);
    await proxy.says(/upstream\.\S+: .*\/cut-chunked\/50000/);
  });

  it("the server, in a chunked body for HTTP/1.0: the connection is reset, not ended", async () => {
    const client = await connectWire(proxy.port);
    client.send("GET /cut-chunked/50000 HTTP/1.0\r\n\r\n");
    await client.ended();
    // Deno has no way to send a reset.
    if (!("Deno" in globalThis)) assert.equal(client.error, "ECONNRESET");
  });

  it("the server's process is killed: curl says the body is cut", async () => {
    const doomed = await startNodeBackend();
    const other = await startForwarding(doomed.port);
    try {
      const answer = await curl([`${other.url}/crash`]);
      assert.equal(answer.code, 18, answer.stderr);
      await other.says(/error upstream\.\S+: /);
      assert.equal((await curl([other.url])).status, 502);
    } finally {
      await other.stop();
      await doomed.stop();
    }
  });

  it("the client, in a download: the server's connection closes soon", async () => {
    const before = await seen();
    const client = await connectWire(proxy.port);
    client.send("GET /bytes/1000000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.receives(/200 OK/);
    client.destroy();
    await until(
      async () => (await seen())["cutResponses"] === (before["cutResponses"] ?? 0) + 1,
      "the server to see it",
      4_000,
    );
    await proxy.says(/error client\.\S+: .*\/bytes\/1000000000/);
  });

  it("the client, while it waits: the server's connection closes soon", async () => {
    const before = await seen();
    const client = await connectWire(proxy.port);
    client.send("GET /late/60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(async () => (await seen())["requests"] !== before["requests"], "the request to arrive");
    client.reset();
    await until(
      async () => (await seen())["cutResponses"] === (before["cutResponses"] ?? 0) + 1,
      "the server to see it",
      4_000,
    );
  });

  it("the client, in an upload: the server sees a cut request", async () => {
    const before = await seen();
    const client = await connectWire(proxy.port);
    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly this");
    await until(async () => (await seen())["requests"] !== before["requests"], "the request to arrive");
    client.destroy();
    await until(
      async () => (await seen())["cutRequests"] === (before["cutRequests"] ?? 0) + 1,
      "the server to see it",
      4_000,
    );
  });

  it("the server does not answer: 504", async () => {
    const answer = await curl([`${proxy.url}/hang`]);
    assert.deepEqual([answer.code, answer.status], [0, 504]);
    await proxy.says(/upstream\.first-byte-timeout/);
  });

  it("the body is too large: 413", async () => {
    const answer = await curl(["-T", "-", `${proxy.url}/upload?small`], Buffer.alloc(3_000_000));
    assert.equal(answer.status, 413, answer.stderr);
    const told = await curl(["--data", "x".repeat(1025), `${proxy.url}/upload?small`]);
    assert.equal(told.status, 413, told.stderr);
    const fitting = await curl(["--data", "x".repeat(1024), `${proxy.url}/upload?small`]);
    assert.equal(fitting.status, 200, fitting.stderr);
  });

  it("the request is nonsense: 400, and the end", async () => {
    const client = await connectWire(proxy.port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.ended();
    assert.match(client.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(client.text, /\r\nConnection: close\r\n/i);
    await proxy.says(/client\.length-and-chunked/);
    client.destroy();
  });

  it("an idle connection of the pool: the next request does not notice", async () => {
    const short = await startNodeBackend();
    const other = await startForwarding(short.port);
    try {
      for (let i = 0; i < 5; i++) assert.equal((await curl([`${other.url}/bytes/3`])).status, 200);
      const port = short.port;
      await short.stop();
      assert.equal((await curl([`${other.url}/bytes/3`])).status, 502);
      assert.ok(port > 0);
    } finally {
      await other.stop();
      await short.stop();
    }
  });
});

describe("a server that closes idle connections", () => {
  it("costs no request: each is sent again on a fresh connection", async () => {
    const server = await startWireServer();
    const proxy = await startForwarding(server.port);
    try {
      // Answers, and closes the kept connection when the next request comes.
      const served = new WeakSet<object>();
      server.script = (_head, socket) => {
        if (served.has(socket)) {
          socket.destroy();
          return null;
        }
        served.add(socket);
        return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      };
      const client = await connectWire(proxy.port);
      for (let i = 1; i <= 10; i++) {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await until(() => client.text.split("\r\n\r\nok").length === i + 1, `answer ${i}`);
      }
      assert.doesNotMatch(client.text, /HTTP\/1\.1 5/);
      client.destroy();
    } finally {
      await proxy.stop();
      await server.stop();
    }
  });
});
