/**
 * A proxy made with one of the npm packages, as their documentation says, with an agent that keeps connections:
 *
 *   node bench/npm-proxy.ts --package httpxy|http-proxy-3 --listen PORT --to PORT
 */

import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";

interface PackageProxy {
  web(request: IncomingMessage, response: ServerResponse): unknown;
  on(event: "error", listener: (error: Error, request: unknown, response: unknown) => void): unknown;
}

interface ProxyPackage {
  createProxyServer(options: { target: string; agent: Agent; xfwd: boolean }): PackageProxy;
}

const { values } = parseArgs({
  options: { package: { type: "string" }, listen: { type: "string" }, to: { type: "string" } },
});
const { package: name, listen, to } = values;
if ((name !== "httpxy" && name !== "http-proxy-3") || listen === undefined || to === undefined) {
  console.error("usage: bench/npm-proxy.ts --package httpxy|http-proxy-3 --listen PORT --to PORT");
  process.exit(2);
}

// Named by a variable: the two packages type the same three things differently.
const { createProxyServer } = (await import(name as string)) as ProxyPackage;
const proxy = createProxyServer({
  target: `http://127.0.0.1:${to}`,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 256 }),
  // Millrace and nginx set the X-Forwarded fields, too.
  xfwd: true,
});
proxy.on("error", (error, _request, response) => {
  console.error(error.message);
  (response as Partial<ServerResponse> | undefined)?.destroy?.();
});
const server = createServer((request, response) => {
  // httpxy returns a promise, and tells failures by the event as well.
  void Promise.resolve(proxy.web(request, response)).catch(() => {});
});
server.keepAliveTimeout = 3_600_000;
server.listen(Number(listen), "127.0.0.1", 4096);
