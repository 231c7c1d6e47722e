import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { after, before, describe, it } from "@std/testing/bdd";
import express, { type ErrorRequestHandler } from "express";
import fastify, { type FastifyInstance } from "fastify";
import { createServer as createVite, type ViteDevServer } from "vite";
import { WebSocket, WebSocketServer } from "ws";
import { createNodeHandler, type NodeHandler } from "../../library/mod.ts";
import { until } from "../e2e/wait.ts";

// These frameworks are written for Node; what they need of it elsewhere is theirs. node-handler.test.ts runs everywhere.
const isNode = !("Deno" in globalThis) && !("Bun" in globalThis);
if (!isNode) console.log("SKIPPED: Express, Fastify and Vite are tested on Node only");

describe("the node handler inside a framework", { ignore: !isNode }, () => {
  let backend: Server;
  let handler: NodeHandler;

  before(async () => {
    backend = createServer(serve);
    const sockets = new WebSocketServer({ noServer: true });
    backend.on("upgrade", (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.on("message", (data) => client.send(`${request.url} ${data}`));
      });
    });
    const port = await listening(backend);
    handler = createNodeHandler({ upstream: { servers: [`127.0.0.1:${port}`] } });
  });
  after(async () => {
    await handler.close();
    await closed(backend);
  });

  describe("Express", () => {
    let front: Server;
    const seen: unknown[] = [];
    before(async () => {
      const app = express();
      const tell: ErrorRequestHandler = (error, _request, response, _next) => {
        seen.push(error);
        response.status(500).send("told");
      };
      app.get("/own", (_request, response) => void response.send("own"));
      app.use("/parsed", express.json(), handler.request);
      app.use("/api", handler.request);
      app.use(tell);
      front = createServer(app);
      front.on("upgrade", handler.upgrade);
      await listening(front);
    });
    after(() => closed(front));

    it("passes requests and bodies, without the prefix", async () => {
      assert.equal(await textOf(front, "/own"), "own");
      assert.equal(await textOf(front, "/api/x?y=1"), "GET /x?y=1");
      await echoes(front);
    });

    it("gets an error for a body that was parsed before", async () => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(urlOf(front, "/parsed"), { method: "POST", body: "{}", headers });
      assert.equal(await response.text(), "told");
      assert.match(String(seen), /mount it before parsers of bodies/);
    });

    it("carries WebSockets", async () => {
      assert.equal(await exchanged(`ws://${hostOf(front)}/api/socket`), "/api/socket hello");
    });
  });

  describe("Fastify", () => {
    let app: FastifyInstance;
    before(async () => {
      app = fastify();
      app.get("/own", async () => "own");
      app.register(async (scope) => {
        scope.removeAllContentTypeParsers();
        scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
        scope.all("/api/*", (request, reply) => {
          reply.hijack();
          handler.request(request.raw, reply.raw);
        });
      });
      app.server.on("upgrade", handler.upgrade);
      await app.listen({ host: "127.0.0.1", port: 0 });
    });
    after(async () => {
      app.server.closeAllConnections();
      await app.close();
    });

    it("passes requests and bodies", async () => {
      assert.equal(await textOf(app.server, "/own"), "own");
      assert.equal(await textOf(app.server, "/api/x?y=1"), "GET /api/x?y=1");
      await echoes(app.server);
    });

    it("carries WebSockets", async () => {
      assert.equal(await exchanged(`ws://${hostOf(app.server)}/api/socket`), "/api/socket hello");
    });
  });

  describe("a Vite dev server", () => {
    let vite: ViteDevServer;
    let front: Server;
    before(async () => {
      const app = express();
      front = createServer(app);
      vite = await createVite({
        configFile: false,
        root: import.meta.dirname ?? ".",
        cacheDir: "/nonexistent",
        logLevel: "silent",
        appType: "custom",
        optimizeDeps: { noDiscovery: true },
        server: { middlewareMode: true, hmr: { server: front }, watch: null },
      });
      app.use("/api", handler.request);
      app.use(vite.middlewares);
      // Vite listens for upgrades of its own beside this.
      front.on("upgrade", (request, socket, head) => {
        if (request.url?.startsWith("/api/") === true) handler.upgrade(request, socket, head);
      });
      await listening(front);
    });
    after(async () => {
      await vite.close();
      await closed(front);
    });

    it("passes requests beside modules of Vite", async () => {
      assert.match(await textOf(front, "/@vite/client"), /HMR|hmr/);
      assert.equal(await textOf(front, "/api/x"), "GET /x");
      await echoes(front);
    });

    it("carries WebSockets, and leaves Vite its own", async () => {
      const url = `ws://${hostOf(front)}/?token=${vite.config.webSocketToken}`;
      const hot = new WebSocket(url, "vite-hmr");
      const heard: string[] = [];
      hot.on("message", (data) => heard.push(String(data)));
      await new Promise((resolve, reject) => hot.on("open", resolve).on("error", reject));
      assert.equal(await exchanged(`ws://${hostOf(front)}/api/socket`), "/api/socket hello");
      vite.ws.send({ type: "full-reload", path: "changed" });
      await until(() => heard.length > 1, "Vite tells of the change");
      assert.match(heard.join("\n"), /"connected"[\s\S]*"changed"/);
      const gone = new Promise((resolve) => hot.on("close", resolve));
      hot.close();
      await gone;
    });
  });
});

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.endsWith("/echo") === true) request.pipe(response);
  else response.end(`${request.method} ${request.url}`);
}

async function echoes(server: Server): Promise<void> {
  const body = new Uint8Array(1_000_000).fill(7);
  const response = await fetch(urlOf(server, "/api/echo"), { method: "POST", body });
  assert.equal((await response.arrayBuffer()).byteLength, body.length);
}

async function textOf(server: Server, path: string): Promise<string> {
  return (await fetch(urlOf(server, path))).text();
}

/** What a WebSocket answers to `hello`. */
async function exchanged(url: string): Promise<string> {
  const client = new WebSocket(url);
  const answer = await new Promise<string>((resolve, reject) => {
    client.on("open", () => client.send("hello"));
    client.on("message", (data) => resolve(String(data)));
    client.on("error", reject);
  });
  const gone = new Promise((resolve) => client.on("close", resolve));
  client.close();
  await gone;
  return answer;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

function urlOf(server: Server, path: string): string {
  return `http://${hostOf(server)}${path}`;
}
