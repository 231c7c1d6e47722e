import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { connectWire } from "./wire-client.ts";

describe("pipelining over a real connection", () => {
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
  });

  it("answers in the order of the requests, whichever is slow", async () => {
    const client = await connectWire(proxy.port);
    const paths = ["/slow/300", "/echo?2", "/late/200", "/echo?4", "/trailers", "/echo?6"];
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    await client.receives('"target":"/echo?6"');
    const marks = ["first-last", '"/echo?2"', "late\n", '"/echo?4"', "with trailers", '"/echo?6"'];
    const places = marks.map((mark) => client.text.indexOf(mark));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
      client.text,
    );
    assert.ok(
      places.every((place) => place > 0),
      client.text,
    );
    client.destroy();
  });

  it("keeps bodies apart", async () => {
    const client = await connectWire(proxy.port);
    const posts = Array.from({ length: 50 }, (_, i) => {
      const body = "x".repeat(i * 37);
      return i % 2 === 0
        ? `POST /echo?${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        : `POST /echo?${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    });
    client.send(posts.join(""));
    await client.receives('"target":"/echo?49"');
    await client.receives(/"bytes":1813,/);
    const seen = [...client.text.matchAll(/"target":"\/echo\?(\d+)".*?"bytes":(\d+)/g)].map((found) => [
      Number(found[1]),
      Number(found[2]),
    ]);
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, i) => [i, i * 37]),
    );
    client.destroy();
  });

  it("answers what was sent before the client's FIN", async () => {
    const client = await connectWire(proxy.port);
    client.send("GET /late/100 HTTP/1.1\r\nHost: a\r\n\r\nGET /bytes/5 HTTP/1.1\r\nHost: a\r\n\r\n");
    client.end();
    await client.ended();
    assert.equal([...client.text.matchAll(/HTTP\/1\.1 200 OK/g)].length, 2, client.text);
    assert.match(client.text, /late\n/);
  });

  it("stops after a request that asks to close", async () => {
    const client = await connectWire(proxy.port);
    client.send(
      "GET /bytes/5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /bytes/7 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    await client.ended();
    assert.equal([...client.text.matchAll(/HTTP\/1\.1 200 OK/g)].length, 1, client.text);
    assert.match(client.text, /\r\nConnection: close\r\n/i);
    client.destroy();
  });

  it("takes requests split at every byte", async () => {
    const client = await connectWire(proxy.port);
    const request =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n";
    for (const byte of request) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.receives(/"bytes":3,/);
    client.destroy();
  });
});
