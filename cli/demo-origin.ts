/** A small origin server for the demo: a Hono application behind node:http, which all three runtimes have. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";

export interface DemoOrigin {
  readonly name: string;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  close(): void;
}

export async function startOrigin(name: string): Promise<DemoOrigin> {
  const app = createApp(name);
  const server = createServer((request, response) => {
    answer(app, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { name, address: `127.0.0.1:${port}`, close: () => closeServer(server) };
}

function createApp(name: string): Hono {
  const app = new Hono();
  app.get("/", (context) => context.html(page(name)));
  app.get("/hello", (context) => context.text(`hello from ${name}\n`));
  app.get("/users/:id", (context) => context.json({ id: context.req.param("id"), from: name }));
  app.get("/slow", async (context) => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return context.text(`slowly, from ${name}\n`);
  });
  app.get("/events", () => new Response(countdown(), { headers: { "content-type": "text/event-stream" } }));
  app.all("/echo", async (context) => {
    const { method, url } = context.req;
    const headers = Object.fromEntries(context.req.raw.headers);
    return context.json({ from: name, method, url, headers, body: (await context.req.text()).slice(0, 10_000) });
  });
  app.notFound((context) => context.text(`${name} has no ${context.req.path}\n`, 404));
  return app;
}

async function answer(app: Hono, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  const method = incoming.method ?? "GET";
  const pieces: Uint8Array[] = [];
  for await (const piece of incoming) pieces.push(piece as Uint8Array);
  const body = method === "GET" || method === "HEAD" ? null : new Blob(pieces as BlobPart[]);
  const url = `http://${incoming.headers.host ?? "localhost"}${incoming.url ?? "/"}`;
  const response = await app.fetch(new Request(url, { method, headers, body }));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.on("error", () => {});
  for await (const piece of response.body ?? []) {
    if (outgoing.destroyed) break;
    outgoing.write(piece);
  }
  outgoing.end();
}

function countdown(): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let left = 5;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      controller.enqueue(encoder.encode(`data: ${left}\n\n`));
      left--;
      if (left === 0) controller.close();
    },
  });
}

function page(name: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Millrace demo</title>
<h1>It runs.</h1>
<p>This page came from <strong>${name}</strong>. Reload it: another server answers.</p>
<ul>
<li><a href="/hello">/hello</a></li>
<li><a href="/api/users/7">/api/users/7</a> (prefix taken off)</li>
<li><a href="/api/events">/api/events</a> (streamed)</li>
<li><a href="/old">/old</a> (redirect)</li>
<li><a href="/broken">/broken</a> (a server that is not there)</li>
</ul>
`;
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}
