import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { after, before, describe, it } from "@std/testing/bdd";
import { Hono } from "hono";
import { ConfigError, createFetchHandler, createProxy, type MountedFetch } from "../../library/mod.ts";

const CHUNK = new Uint8Array(64 * 1024);

describe("a proxy as a fetch handler", () => {
  let server: Server;
  let handler: MountedFetch;
  let port = 0;
  /** Called when the server has lost the client of a request to /hang or /endless. */
  let onLost: () => void = () => {};
  let sent = 0;

  before(async () => {
    server = createServer((request, response) => serve(request, response));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as { port: number }).port;
    handler = createFetchHandler({ upstream: { servers: [`127.0.0.1:${port}`] } });
  });
  after(async () => {
    await handler.close();
    server.closeAllConnections?.();
    await new Promise((done) => server.close(done));
  });

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    if (path.startsWith("/headers")) {
      response.setHeader("Set-Cookie", ["a=1", "b=2"]);
      response.end(JSON.stringify({ url: path, method: request.method, headers: request.headers }));
    } else if (path === "/echo") {
      response.setHeader("X-Length", request.headers["content-length"] ?? "none");
      request.pipe(response);
    } else if (path === "/empty") {
      response.writeHead(204).end();
    } else if (path === "/unchanged") {
      response.writeHead(304, { ETag: '"1"' }).end();
    } else if (path === "/endless") {
      sent = 0;
      const more = (): void => {
        while (!response.destroyed) {
          sent += CHUNK.length;
          if (!response.write(CHUNK)) break;
        }
      };
      response.on("drain", more).on("close", () => onLost());
      more();
    } else {
      response.on("close", () => onLost());
    }
  }

  it("answers what a drain does not wait for, and cuts what has begun", async () => {
    const draining = createFetchHandler({ upstream: { servers: [`127.0.0.1:${port}`] } });
    const lost = new Promise<void>((done) => {
      onLost = done;
    });
    const begun = await draining(new Request("http://a.example/endless"));
    const waiting = draining(new Request("http://a.example/hang"));
    const reader = begun.body!.getReader();
    await reader.read();
    assert.equal(await draining.proxy.drain(100), false);
    const response = await waiting;
    assert.equal(response.status, 503);
    assert.match(await response.text(), /internal\.draining/);
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    });
    await lost;
    await draining.close();
  });

  it("refuses a request whose URL names another host than its Host field", async () => {
    const asked = async (url: string, host: string) => (await handler(new Request(url, { headers: { host } }))).status;
    assert.equal(await asked("http://a.example/headers/x", "b.example"), 400);
    assert.equal(await asked("https://a.example/headers/x", "b.example"), 400);
    assert.equal(await asked("http://a.example/headers/x", "A.example:80"), 200);
    assert.equal(await asked("http://a.example:81/headers/x", "a.example"), 400);
    assert.equal(await asked("http://a.example/headers/x", "a b"), 400);
  });

  it("refuses a field that no head may hold, though Headers may and some servers let it through", async () => {
    for (const value of ["a\x7fb", "a\x01b"]) {
      const response = await handler(new Request("http://a.example/headers/x", { headers: { "x-one": value } }));
      assert.equal(response.status, 400);
      assert.match(await response.text(), /what cannot stand in a head/);
    }
  });

  it("passes method, path, query, fields and the client's address, inside a Hono app", async () => {
    const app = new Hono();
    app.get("/own", (context) => context.text("own"));
    app.all("/headers/*", (context) => handler(context.req.raw, { clientAddress: "::ffff:192.0.2.7" }));
    assert.equal(await (await app.request("/own")).text(), "own");
    const response = await app.request("https://a.example/headers/x?y=%20z", {
      method: "DELETE",
      headers: { "x-one": "1", connection: "x-hop", "x-hop": "1", te: "gzip" },
    });
    assert.equal(response.status, 200);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(response.headers.get("connection"), null);
    const seen = (await response.json()) as { url: string; method: string; headers: Record<string, string> };
    assert.deepEqual([seen.method, seen.url], ["DELETE", "/headers/x?y=%20z"]);
    assert.equal(seen.headers.host, "a.example");
    assert.equal(seen.headers["x-one"], "1");
    assert.equal(seen.headers["x-hop"], undefined);
    assert.equal(seen.headers["x-forwarded-for"], "192.0.2.7");
    assert.equal(seen.headers["x-forwarded-proto"], "https");
  });

  it("answers HEAD, 204 and 304 without bodies", async () => {
    const head = await handler(new Request("http://a.example/headers", { method: "HEAD" }));
    assert.deepEqual([head.status, head.body], [200, null]);
    for (const [path, status] of [["/empty", 204] as const, ["/unchanged", 304] as const]) {
      const response = await handler(new Request(`http://a.example${path}`));
      assert.deepEqual([response.status, response.body], [status, null]);
    }
  });

  it("sends bodies with the length they have, and in chunks when nobody knows it", async () => {
    const whole = await handler(new Request("http://a.example/echo", { method: "POST", body: "hello" }));
    assert.deepEqual([whole.headers.get("x-length"), await whole.text()], ["5", "hello"]);
    const pieces = await handler(posting(streamOf(40, CHUNK)));
    assert.equal(pieces.headers.get("x-length"), "none");
    assert.equal((await pieces.arrayBuffer()).byteLength, 40 * CHUNK.length);
    const told = await handler(posting(streamOf(4, CHUNK), { "content-length": String(4 * CHUNK.length) }));
    assert.equal(told.headers.get("x-length"), String(4 * CHUNK.length));
    assert.equal((await told.arrayBuffer()).byteLength, 4 * CHUNK.length);
  });

  it("says that there is no body where servers may insist on a length", async () => {
    for (const [method, length] of [["POST", "0"] as const, ["DELETE", undefined] as const]) {
      const response = await handler(new Request("http://a.example/headers", { method }));
      const { headers } = (await response.json()) as { headers: Record<string, string> };
      assert.deepEqual([headers["content-length"], headers["transfer-encoding"]], [length, undefined]);
    }
  });

  it("takes a body that ends before its first byte for none", async () => {
    const body = new ReadableStream({ start: (controller) => void setTimeout(() => controller.close(), 20) });
    const init = { method: "OPTIONS", body, duplex: "half" } as RequestInit;
    const response = await handler(new Request("http://a.example/headers", init));
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    assert.deepEqual([headers["content-length"], headers["transfer-encoding"]], ["0", undefined]);
  });

  it("waits for the first byte of a body as long as the proxy lets it wait for the next", async () => {
    await using waiting = createFetchHandler({
      timeouts: { requestBodyIdle: "100ms" },
      upstream: { servers: [`127.0.0.1:${port}`] },
    });
    const body = new ReadableStream({ pull: () => new Promise<void>(() => {}) });
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    assert.equal((await waiting(new Request("http://a.example/hang", init))).status, 408);
  });

  it("lets no body out of the length it was announced with", async () => {
    for (const [length, how] of [["70000", "longer"] as const, ["1000000", "shorter"] as const]) {
      const answer = handler(posting(streamOf(4, CHUNK), { "content-length": length })).then((response) =>
        response.text(),
      );
      await assert.rejects(answer, new RegExp(`${how} than its Content-Length|cut off`));
    }
  });

  it("reads no further than it is read, and cancels at the server when it is not wanted", async () => {
    const lost = new Promise<void>((done) => {
      onLost = done;
    });
    const response = await handler(new Request("http://a.example/endless"));
    const reader = response.body!.getReader();
    await reader.read();
    await settled(() => sent);
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken for nobody`);
    await reader.cancel();
    await lost;
    await settled(() => handler.proxy.connectionCount);
    assert.equal(handler.proxy.connectionCount, 0);
  });

  it("aborts at the server when the signal says so, before and after it has begun", async () => {
    const lost = new Promise<void>((done) => {
      onLost = done;
    });
    const controller = new AbortController();
    const answer = handler(new Request("http://a.example/hang", { signal: controller.signal }));
    await settled(() => handler.proxy.connectionCount);
    controller.abort(new Error("no longer"));
    await assert.rejects(answer, /no longer/);
    await lost;
    await assert.rejects(
      handler(new Request("http://a.example/hang", { signal: AbortSignal.abort(new Error("never")) })),
      /never/,
    );
  });

  it("shows that a response was cut", async () => {
    const short = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    });
    await new Promise<void>((done) => short.listen(0, "127.0.0.1", done));
    const cutting = createFetchHandler({
      upstream: { servers: [`127.0.0.1:${(short.address() as { port: number }).port}`] },
    });
    const response = await cutting(new Request("http://a.example/"));
    // The reset may overtake the head, and does where the end comes with the bytes before it.
    if (response.status === 502) assert.match(await response.text(), /cut off/);
    else await assert.rejects(response.text(), /cut off/);
    await cutting.close();
    await new Promise((done) => short.close(done));
  });

  it("refuses what it can't do with a text", async () => {
    const socket = await handler(new Request("http://a.example/", { headers: { upgrade: "websocket" } }));
    assert.equal(socket.status, 501);
    assert.match(await socket.text(), /createNodeHandler/);
    await assert.rejects(handler(new Request("http://a.example/"), { clientAddress: "nobody" }), /no IP address/);
    const read = new Request("http://a.example/echo", { method: "POST", body: "hello" });
    await read.text();
    await assert.rejects(handler(read), { name: "TypeError", message: /was read before it came to the proxy/ });
    const locked = new Request("http://a.example/echo", { method: "POST", body: "hello" });
    locked.body?.getReader();
    await assert.rejects(handler(locked), /was read before it came to the proxy/);
  });

  it("takes a whole configuration, its routes and refusals included, or a proxy", async () => {
    assert.throws(() => createFetchHandler({ upstream: {} } as never), ConfigError);
    const upstream = { servers: ["127.0.0.1:1"] };
    const refusing = [{ respond: { status: 403 } }];
    const beside = /routes: stands beside upstream, which takes every request; keep one of the two/;
    // @ts-expect-error the routes would be left out
    assert.throws(() => createFetchHandler({ upstream, routes: refusing }), beside);
    // @ts-expect-error the upstreams as well
    assert.throws(() => createFetchHandler({ upstream, upstreams: { a: upstream } }), /upstreams: stands beside/);
    const routes = [{ id: "one", match: { path: "/one" }, respond: { status: 200, body: "one" } }];
    const configured = createFetchHandler({ routes } as never);
    assert.equal(await (await configured(new Request("http://a.example/one"))).text(), "one");
    assert.equal((await configured(new Request("http://a.example/two"))).status, 404);
    await configured.close();
    const stopped = await configured(new Request("http://a.example/one"));
    assert.deepEqual([stopped.status, /has stopped/.test(await stopped.text())], [503, true]);
    const proxy = createProxy({ listeners: ["127.0.0.1:0"], routes } as never);
    await proxy.start();
    const given = createFetchHandler(proxy);
    assert.equal(await (await given(new Request("http://a.example/one"))).text(), "one");
    await given.close();
    assert.equal(await (await given(new Request("http://a.example/one"))).text(), "one");
    await proxy.stop();
  });
});

function posting(body: ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Request {
  return new Request("http://a.example/echo", { method: "POST", body, headers, duplex: "half" } as RequestInit);
}

function streamOf(chunks: number, chunk: Uint8Array): ReadableStream<Uint8Array> {
  let left = chunks;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((done) => setTimeout(done, 0));
      if (left-- > 0) controller.enqueue(chunk.slice());
      else controller.close();
    },
  });
}

/** Waits until a figure stays as it is over some turns of the event loop. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 3; ) {
    await new Promise((done) => setTimeout(done, 20));
    same = figure() === last ? same + 1 : 0;
    last = figure();
  }
}
