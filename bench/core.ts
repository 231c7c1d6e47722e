/**
 * What a request costs in our own code: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   node --import tsx bench/core.ts [requests]        the same with deno run -A and bun
 */
import process from "node:process";
import { compileConfig } from "../core/config/compile.ts";
import { createProxy } from "../core/proxy.ts";
import type { Address, ListenHandler, Runtime, Socket, SocketHandler } from "../core/runtime.ts";

const REQUEST = new TextEncoder().encode("GET /small HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n\r\n");
const RESPONSE = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 05:29:17 GMT\r\nContent-Type: text/plain\r\n" +
    "Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n",
);
const ADDRESS: Address = { kind: "tcp", host: "127.0.0.1", port: 1 };

class FakeSocket implements Socket {
  handler: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  readonly local = ADDRESS;
  readonly peer = ADDRESS;
  readonly tls = null;
  readonly queuedBytes = 0;
  readonly onWrite: () => void;

  constructor(onWrite: () => void) {
    this.onWrite = onWrite;
  }
  write(): boolean {
    this.onWrite();
    return true;
  }
  writeRange(): boolean {
    this.onWrite();
    return true;
  }
  writePair(): boolean {
    this.onWrite();
    return true;
  }
  release(): void {}
  end(): void {}
  destroy(): void {}
  reset(): void {}
  pause(): void {}
  resume(): void {}
}

let accepted: ListenHandler | null = null;
let upstream: FakeSocket | null = null;
let writesToUpstream = 0;
let writesToClient = 0;

const runtime: Runtime = {
  name: "bench",
  version: "0",
  capabilities: { reusePort: false, reset: true, connectAbort: true, acceptPause: false },
  listen: (_options, handler) => {
    accepted = handler;
    return Promise.resolve({ address: ADDRESS, pause() {}, resume() {}, close: () => Promise.resolve() });
  },
  connect: (_options, done) => {
    queueMicrotask(() => {
      upstream = new FakeSocket(() => writesToUpstream++);
      done(null, upstream);
    });
    return { cancel() {} };
  },
  resolve: () => ({ cancel() {} }),
  now: () => performance.now(),
  wallClockMs: () => Date.now(),
  random: () => 0.5,
  randomBytes: (length) => new Uint8Array(length),
  every: () => ({ stop() {} }),
  descriptorsMax: () => null,
};

const compiled = compileConfig({
  listeners: [{ address: "127.0.0.1:1" }],
  upstreams: { app: { servers: ["127.0.0.1:2"] } },
  routes: [{ upstream: "app" }],
});
if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
const proxy = createProxy({ runtime, snapshot: compiled.snapshot });
await proxy.start();

const client = new FakeSocket(() => writesToClient++);
(accepted as unknown as ListenHandler).onSocket(client);
client.handler.onData(client, REQUEST.slice());
await new Promise((resolve) => setTimeout(resolve, 10));
const server = upstream as unknown as FakeSocket;
server.handler.onData(server, RESPONSE.slice());

const requests = Number(process.argv[2] ?? 300_000);
for (let round = 0; round < 5; round++) {
  const before = performance.now();
  for (let i = 0; i < requests; i++) {
    client.handler.onData(client, REQUEST.slice());
    server.handler.onData(server, RESPONSE.slice());
  }
  const tookMs = performance.now() - before;
  console.log(`${((tookMs * 1000) / requests).toFixed(2)} us per request`);
}
if (writesToUpstream !== writesToClient) throw new Error(`${writesToUpstream} requests, ${writesToClient} responses`);
process.exit(0);
