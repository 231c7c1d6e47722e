/**
 * Requests and sockets that either side leaves at some stage, through both handlers; afterwards nothing may be left:
 *
 *     npm run soak:library [-- 10000]
 *     deno run -A --no-check --v8-flags=--expose-gc test/library/abandoned.ts 10000
 *     bun test/library/abandoned.ts 10000
 */

import { readdirSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { createFetchHandler, createNodeHandler } from "../../library/mod.ts";

export interface AbandonedReport {
  readonly abandoned: number;
  /** Connections the proxies still have. */
  readonly connections: number;
  /** -1: this system does not tell. */
  readonly descriptorsBefore: number;
  readonly descriptorsAfter: number;
  readonly heapBefore: number;
  readonly heapAfter: number;
}

const WEB_SOCKET =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const HALF = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(1000)}`;

/** Path → what the server does. The client leaves where the server doesn't. */
const PATHS = ["/silent", "/half", "/gone", "/half-gone", "/upload", "/tunnel", "/tunnel-gone"] as const;
const AT_ONCE = 20;

export async function abandon(requests: number): Promise<AbandonedReport> {
  const server = createServer(serve);
  const servers = [`127.0.0.1:${await listening(server)}`];
  // Traces of what failed are kept on purpose, up to a thousand.
  const trace = { keep: 1, sample: "0%" };
  // Servers that break off are put out of use otherwise, and nothing would reach them.
  const upstream = { servers, health: { ejection: false }, retries: { attempts: 0 } } as const;
  // Connections that were made for requests which left before are kept for the next ones, and would be counted.
  const source = { upstream, trace, timeouts: { poolIdle: "100ms" } } as const;
  const fetchHandler = createFetchHandler(source);
  const nodeHandler = createNodeHandler(source);
  const front = createHttpServer((request, response) => nodeHandler.request(request, response));
  front.on("upgrade", nodeHandler.upgrade);
  const port = await listening(front);
  const run = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) => {
          const number = done + index;
          const path = PATHS[number % PATHS.length]!;
          const isFetch = !path.startsWith("/tunnel") && number % 2 === 0;
          return isFetch ? abandonFetch(fetchHandler, path) : abandonSocket(port, path);
        }),
      );
    for (let tries = 0; connectionsOf() > 0 && tries < 500; tries++) await pause(10);
  };
  const connectionsOf = (): number => fetchHandler.proxy.connectionCount + nodeHandler.proxy.connectionCount;
  // The first ones fill what stays: pools, tables, code.
  await run(Math.min(requests, 140));
  const { descriptors: descriptorsBefore, heap: heapBefore } = await settled(0);
  await run(requests);
  const { descriptors: descriptorsAfter, heap: heapAfter } = await settled(descriptorsBefore);
  const connections = connectionsOf();
  await Promise.all([fetchHandler.close(), nodeHandler.close()]);
  front.closeAllConnections?.();
  await Promise.all([front, server].map((each) => new Promise((closed) => each.close(closed))));
  return { abandoned: requests, connections, descriptorsBefore, descriptorsAfter, heapBefore, heapAfter };
}

function serve(socket: Socket): void {
  socket.on("error", () => {});
  socket.once("data", (bytes) => {
    const path = /^\S+ (\S+)/.exec(bytes.toString("latin1"))?.[1];
    if (path === "/half" || path === "/half-gone") socket.write(HALF, () => path === "/half-gone" && socket.destroy());
    else if (path === "/gone") socket.destroy();
    else if (path?.startsWith("/tunnel"))
      socket.write(SWITCHED, () => path === "/tunnel-gone" && setTimeout(() => socket.destroy(), 5));
  });
  socket.on("end", () => socket.end());
}

async function abandonFetch(handler: ReturnType<typeof createFetchHandler>, path: string): Promise<void> {
  const controller = new AbortController();
  const init: RequestInit & { duplex?: "half" } = { signal: controller.signal };
  if (path === "/upload") {
    init.method = "POST";
    init.duplex = "half";
    init.body = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1000)) }, { highWaterMark: 0 });
  }
  if (path === "/silent" || path === "/upload") setTimeout(() => controller.abort(), 5);
  try {
    const response = await handler(new Request(`http://a.example${path}`, init));
    const reader = response.body!.getReader();
    await reader.read();
    if (path === "/half") await reader.cancel();
    else for (; !(await reader.read()).done; );
  } catch {
    // As it should be.
  }
}

function abandonSocket(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {}).on("close", () => resolve());
    // Kept open after a 502, the connection would only wait for the server's deadline, some 5 s.
    const framing = path.startsWith("/tunnel")
      ? WEB_SOCKET
      : `Connection: close\r\n${path === "/upload" ? "Content-Length: 100000\r\n" : ""}`;
    socket.write(`${path === "/upload" ? "POST" : "GET"} ${path} HTTP/1.1\r\nHost: a.example\r\n${framing}\r\n`);
    const leave = (): void => void socket.destroy();
    if (path === "/silent" || path === "/upload") setTimeout(leave, 5);
    else if (path === "/half" || path === "/tunnel" || path === "/gone") socket.once("data", leave);
    else socket.resume();
    socket.on("end", leave);
  });
}

/** Closing is the system's, and takes a moment: waits until there are no more descriptors than `expected`, or no fewer come. */
async function settled(expected: number): Promise<{ readonly descriptors: number; readonly heap: number }> {
  let open = descriptors();
  for (let steady = 0; steady < 25 && open > expected; steady++) {
    await pause(10);
    const now = descriptors();
    if (now < open) steady = 0;
    open = now;
  }
  for (let turn = 0; turn < 3; turn++) {
    await pause(20);
    collect();
  }
  return { descriptors: open, heap: process.memoryUsage().heapUsed };
}

/** `--expose-gc`; on Deno `--v8-flags=--expose-gc`. */
function collect(): void {
  const { gc, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(isNow: boolean): void } };
  gc?.();
  bun?.gc(true);
}

function descriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return -1;
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

if (process.argv[1]?.endsWith("test/library/abandoned.ts") === true) {
  const report = await abandon(Number(process.argv[2] ?? 10_000));
  console.log(JSON.stringify(report));
  const { connections, descriptorsBefore, descriptorsAfter, heapBefore, heapAfter } = report;
  const isBack = connections === 0 && descriptorsAfter <= descriptorsBefore + 2;
  process.exitCode = isBack && heapAfter - heapBefore < 4 * 1024 * 1024 ? 0 : 1;
}
