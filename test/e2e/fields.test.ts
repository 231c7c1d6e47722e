// What the other side sees, byte for byte: raw sockets on both ends.

import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { connectWire } from "./wire-client.ts";
import { startWireServer, type WireServer } from "./wire-server.ts";

describe("fields on the wire", () => {
  let server: WireServer;
  let proxy: Millrace;

  beforeAll(async () => {
    server = await startWireServer();
    proxy = await startForwarding(server.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  /** Sends a request, answers it, and returns what arrived on both sides. */
  async function exchange(request: string, response: string) {
    server.script = () => response;
    server.received = "";
    const client = await connectWire(proxy.port);
    client.send(request);
    await client.receives(/\r\n\r\n/);
    client.destroy();
    return { request: server.received, response: client.text };
  }

  it("keep order, case, spelling and duplicates in requests", async () => {
    const lines = [
      "hOsT: Example.COM:80",
      "X-b: 1",
      "x-A: 2",
      "X-B: 3",
      "Cookie: a=1",
      "cookie: b=2",
      "Accept:*/*",
      "Empty:",
      "X-Latin: caf\xe9",
    ];
    const seen = await exchange(
      `GET /a%2Fb//c;x?q=%20&&z HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`,
      "HTTP/1.1 204 No Content\r\n\r\n",
    );
    const [first = "", ...rest] = seen.request.split("\r\n");
    assert.equal(first, "GET /a%2Fb//c;x?q=%20&&z HTTP/1.1");
    const names = (all: readonly string[]) => all.map((line) => line.replace(/:[ \t]*/, ":"));
    assert.deepEqual(names(rest.slice(0, lines.length)), names(lines));
    const added = rest.slice(lines.length, rest.indexOf("")).map((line) => line.toLowerCase());
    assert.deepEqual(added.sort(), [
      "via: 1.1 millrace",
      "x-forwarded-for: 127.0.0.1",
      "x-forwarded-host: example.com:80",
      "x-forwarded-proto: http",
      "x-real-ip: 127.0.0.1",
    ]);
  });

  it("keep order, case, spelling and duplicates in responses", async () => {
    const lines = [
      "sErVeR: x",
      "Set-Cookie: a=1; Path=/",
      "X-One: 1",
      "set-cookie: b=2",
      "DATE: Thu, 01 Jan 1970 00:00:00 GMT",
      "X-one: 2",
      "content-LENGTH: 2",
    ];
    const seen = await exchange(
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      `HTTP/1.1 299 Quite  all right\r\n${lines.join("\r\n")}\r\n\r\nhi`,
    );
    const head = seen.response.split("\r\n");
    assert.equal(head[0], "HTTP/1.1 299 Quite  all right");
    assert.deepEqual(head.slice(1, 1 + lines.length), lines);
    assert.deepEqual(head.slice(1 + lines.length, head.indexOf("")), ["Via: 1.1 millrace"]);
  });

  it("stop here when they belong to one connection", async () => {
    const seen = await exchange(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: secret\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
        "TE: gzip\r\nProxy-Authorization: Basic x\r\nProxy: evil\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Kept: yes\r\n\r\n",
      "HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: secret\r\nKeep-Alive: timeout=5\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n",
    );
    assert.match(seen.request, /X-Kept: yes/);
    assert.doesNotMatch(seen.request, /secret|Keep-Alive|keep-alive|gzip|Basic|evil|6\.6\.6\.6|Connection:/);
    assert.match(seen.response, /X-Kept: yes/);
    assert.doesNotMatch(seen.response, /secret|Keep-Alive/);
  });
});

describe("fields as Node's server sees them", () => {
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port, {
      routes: [
        { id: "plain", upstream: "backend" },
        {
          id: "edited",
          match: { host: "edited.test" },
          upstream: "backend",
          host: "inside.test",
          request: {
            set: { "X-Client": "${client.address}", "X-Route": "${route.id}" },
            add: { "X-Added": ["1", "2"] },
            remove: "X-Gone",
          },
          response: { set: { "Content-Type": "text/plain" }, add: { "X-Host": "${request.host}" } },
        },
      ],
      forwarded: true,
      trustedProxies: ["127.0.0.0/8"],
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
  });

  async function echo(head: string): Promise<{ headers: [string, string][]; head: string }> {
    const client = await connectWire(proxy.port);
    client.send(`GET /echo HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
    await client.ended();
    client.destroy();
    const [responseHead = "", body = ""] = client.text.split("\r\n\r\n");
    const { rawHeaders } = JSON.parse(body) as { rawHeaders: string[] };
    return {
      head: responseHead,
      headers: rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ""]] : [])) as [
        string,
        string,
      ][],
    };
  }

  it("a trusted proxy's word is carried on", async () => {
    const { headers } = await echo(
      "Host: a.test\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outside.test\r\n",
    );
    const values = (name: string) => headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
    assert.deepEqual(values("x-forwarded-for"), ["9.9.9.9, 127.0.0.1"]);
    assert.deepEqual(values("x-forwarded-proto"), ["https"]);
    assert.deepEqual(values("x-forwarded-host"), ["outside.test"]);
    assert.deepEqual(values("x-real-ip"), ["9.9.9.9"]);
    assert.deepEqual(values("host"), ["a.test"]);
    assert.equal(values("forwarded").length, 1);
  });

  it("edits are made", async () => {
    const { head, headers } = await echo("Host: edited.test\r\nX-Gone: x\r\nX-Client: forged\r\n");
    const values = (name: string) => headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
    assert.deepEqual(values("host"), ["inside.test"]);
    assert.deepEqual(values("x-client"), ["127.0.0.1"]);
    assert.deepEqual(values("x-route"), ["edited"]);
    assert.deepEqual(values("x-added"), ["1", "2"]);
    assert.deepEqual(values("x-gone"), []);
    assert.match(head, /\r\nContent-Type: text\/plain\r\n/);
    assert.match(head, /\r\nX-Host: edited\.test/);
  });
});
