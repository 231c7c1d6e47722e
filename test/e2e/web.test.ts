// Programs mounted on routes, Responses of hooks, transformed bodies and context.fetch in a running process.

import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { projectRoot } from "../support/runtime-command.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { until } from "./wait.ts";

let backend: Backend;
let scratch: Scratch;
let proxy: Millrace;

const config = (port: number) => `import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { type ByteStream, defineConfig } from "millrace";

let aborted = 0;
const app = new Hono().basePath("/app");
app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") ?? null }));
app.get("/events", (c) =>
  streamSSE(c, async (stream) => {
    for (let i = 0; i < 3; i++) await stream.writeSSE({ data: String(i), event: "count" });
  }),
);
app.get("/stream", () => new Response(new ReadableStream<Uint8Array>({
  async start(controller) {
    for (let i = 0; i < 5; i++) {
      controller.enqueue(new TextEncoder().encode("part " + i + "\\n"));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    controller.close();
  },
})));
app.put("/upload", async (c) => {
  let bytes = 0;
  let reads = 0;
  for await (const chunk of c.req.raw.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (++reads % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return c.text(String(bytes));
});
app.get("/hang", async (c) => {
  c.req.raw.signal.addEventListener("abort", () => void aborted++);
  if (c.req.query("stream") !== undefined) return new Response(new ReadableStream({ cancel: () => {} }));
  await new Promise(() => {});
  return c.text("never");
});
app.get("/aborted", (c) => c.text(String(aborted)));
app.get("/throw", () => {
  throw new Error("thrown on purpose");
});

const upper = (body: ByteStream) =>
  body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte))),
  }));

export default defineConfig({
  listeners: ["127.0.0.1:0"],
  timeouts: { halfClosed: "500ms" }, // clients that leave by FIN
  upstreams: { backend: { servers: ["127.0.0.1:${port}"] } },
  routes: [
    { id: "app", match: { path: "/app/*" }, mount: app },
    { id: "plain", match: { path: "/plain" }, mount: () => { throw new Error("thrown on purpose"); } },
    {
      id: "ask",
      match: { path: "/ask/*" },
      upstream: "backend",
      hooks: {
        async onRequest(request, context) {
          const response = await context.fetch("http://backend" + request.path.slice("/ask".length), { signal: context.signal });
          return new Response("asked: " + (await response.text()), { status: response.status });
        },
      },
    },
    { id: "upper", match: { path: "/upper/*" }, rewrite: { stripPrefix: "/upper" }, upstream: "backend", hooks: { transformResponseBody: upper, transformRequestBody: upper } },
  ],
});
`;

beforeAll(async () => {
  backend = await startNodeBackend();
  scratch = createScratch();
  symlinkSync(join(projectRoot, "node_modules"), scratch.path("node_modules"));
  proxy = await startMillraceWith(["run", scratch.write("config.ts", config(backend.port))]);
});
afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  scratch?.remove();
});

describe("a Hono app on a route", () => {
  it("answers JSON, streams and events", async () => {
    const users = await fetch(`${proxy.url}/app/users/7?q=x`);
    assert.deepEqual(await users.json(), { id: "7", q: "x" });
    const stream = await fetch(`${proxy.url}/app/stream`);
    assert.equal(await stream.text(), "part 0\npart 1\npart 2\npart 3\npart 4\n");
    const events = await fetch(`${proxy.url}/app/events`);
    assert.match(events.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.equal((await events.text()).match(/event: count/g)?.length, 3);
    assert.equal((await fetch(`${proxy.url}/app/nothing`)).status, 404);
  });

  it("reads an upload of 10 MiB at its own pace", async () => {
    const body = new Uint8Array(10 * 1024 * 1024);
    const response = await fetch(`${proxy.url}/app/upload`, { method: "PUT", body });
    assert.equal(await response.text(), String(body.length));
  });

  it("that throws is a failure with its source, and harms nobody else", async () => {
    const response = await fetch(`${proxy.url}/plain`);
    assert.equal(response.status, 500);
    assert.match(await response.text(), /internal\.mount-failed/);
    await proxy.says(/hook routes\.plain\.mount[^\n]*thrown on purpose/);
    assert.equal((await fetch(`${proxy.url}/app/throw`)).status, 500);
    assert.equal((await fetch(`${proxy.url}/app/users/1`)).status, 200);
  });

  it("is told when clients leave, and 1,000 of them leave nothing behind", async () => {
    const before = proxy.descriptors();
    for (let i = 0; i < 20; i++)
      await Promise.all(Array.from({ length: 50 }, (_, n) => leave(n % 2 === 0 ? "" : "?stream")));
    await until(async () => (await (await fetch(`${proxy.url}/app/aborted`)).text()) === "1000", "each to be told of");
    await until(() => proxy.descriptors() <= before + 4, "descriptors to be free again");
  });
});

describe("bodies and requests of hooks", () => {
  it("are other bodies on the way", async () => {
    const response = await fetch(`${proxy.url}/upper/echo`, { method: "POST", body: "hello" });
    const text = await response.text();
    assert.match(text, /"METHOD":"POST","TARGET":"\/ECHO"/);
    assert.equal(response.headers.get("etag"), null);
  });

  it("are answered by the upstreams of the proxy", async () => {
    const response = await fetch(`${proxy.url}/ask/bytes/5`);
    assert.equal(response.status, 200);
    assert.match(await response.text(), /^asked: .{5}$/s);
  });
});

/** A client that asks and goes away before there is an answer. */
function leave(query: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxy.port, "127.0.0.1", () => {
      socket.write(`GET /app/hang${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
      setTimeout(() => socket.destroy(), 20);
    });
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
}
