/** A listener of the port on Node, and the sockets it listens on. */
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type Socket as NetSocket, connect as netConnect, type Server } from "node:net";
import { dirname } from "node:path";
import type { Address, Listener, ListenHandler, ListenOptions, SocketError, TcpAddress } from "../core/runtime.ts";
import { emptyQueue } from "./accept-queue.ts";
import { setOptions } from "./node-connect.ts";
import { acceptHandles, canBind, passOnOptions, peerOf } from "./node-handle.ts";
import { HandleSocket } from "./node-handle-socket.ts";
import { NodeSocket, type RawSocket } from "./node-socket.ts";
import { toSocketError, unsupported } from "./socket-error.ts";

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

/** Node 20 answers EADDRINUSE or ignores the option; it came with libuv 1.49. */
export const canSharePorts: boolean = NODE_MAJOR >= 24;

/**
 * libuv accepts one connection of a socket in each turn of its loop, and the turn itself is a tenth of what a short
 * connection costs. So a port has eight sockets, among which Linux shares its connections out: 0.91 times the CPU time of
 * a new connection for each request ([065](../docs/decisions/065-a-listener-of-node-is-eight-sockets.md)).
 */
const SOCKETS_PER_PORT = 8;
const paysToShare = canSharePorts && process.platform === "linux";

type Open = (options: ListenOptions) => Promise<Server>;

export async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  if (options.reusePort && !canSharePorts) throw unsupported("reusePort");
  const { address } = options;
  let accepted = 0;
  const open: Open = (asked) => openServer(asked, handler, () => accepted++);
  const servers = await (address.kind === "unix"
    ? openUnix(options, address.path, open)
    : paysToShare
      ? openSeveral(options, address, open)
      : openOne(options, open));
  // libuv accepts whatever comes until the listening handle is closed, and its queue with it.
  const cannotRest = () => {};
  let closing: Promise<void> | null = null;
  return {
    address: boundAddress(servers[0]!, address),
    pause: cannotRest,
    resume: cannotRest,
    close: () => (closing ??= closeAll(servers, () => accepted)),
  };
}

async function openOne(options: ListenOptions, open: Open): Promise<Server[]> {
  try {
    return [await open(options)];
  } catch (error) {
    throw bindError(error, options.address);
  }
}

/** A file that nobody answers on was left behind by a process that was killed. */
async function openUnix(options: ListenOptions, path: string, open: Open): Promise<Server[]> {
  try {
    return await openOne(options, open);
  } catch (error) {
    if ((error as SocketError).code !== "EADDRINUSE" || !(await isStale(path))) throw error;
    unlinkSync(path);
    return openOne(options, open);
  }
}

async function openSeveral(options: ListenOptions, address: TcpAddress, open: Open): Promise<Server[]> {
  // Sockets that share a port are not told that somebody else shares it, too. One that doesn't is refused then.
  if (!options.reusePort && address.port !== 0 && !canBind(address.host, address.port)) return openOne(options, open);
  const sharing = { ...options, reusePort: true };
  const first = await openOne(sharing, open).catch((error: SocketError) => {
    if (options.reusePort || error.code === "EADDRINUSE") throw error;
    return openOne(options, open); // a system that has no such thing
  });
  const more = { ...sharing, address: boundAddress(first[0]!, address) };
  const opened = await Promise.allSettled(Array.from({ length: SOCKETS_PER_PORT - 1 }, () => open(more)));
  // With fewer it is dearer, and nothing else.
  return [...first, ...opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))];
}

async function openServer(options: ListenOptions, handler: ListenHandler, onAccepted: () => void): Promise<Server> {
  const { address, highWaterBytes, keepAliveMs = 0 } = options;
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: true,
    ...keepAliveOf(options),
    highWaterMark: highWaterBytes,
  });
  server.on("connection", (raw: NetSocket) => {
    onAccepted();
    const socket = new NodeSocket(raw as RawSocket, highWaterBytes, address, null);
    socket.guard(() => handler.onSocket(socket));
  });
  await bind(server, options);
  server.on("error", (error) => handler.onAcceptError(toSocketError(error)));
  const arePassedOn = passOnOptions(server, keepAliveMs);
  acceptHandles(server, (handle) => {
    onAccepted();
    if (!arePassedOn) setOptions(handle, keepAliveMs);
    // Asked while the socket is surely open: logs want it after the close, too.
    const socket = new HandleSocket(handle, highWaterBytes, address.kind === "unix" ? address : peerOf(handle));
    socket.guard(() => handler.onSocket(socket));
    socket.begin();
  });
  return server;
}

/** libuv repeats the question every second, and gives up after the tenth. */
export function keepAliveOf({ keepAliveMs = 0 }: { readonly keepAliveMs?: number }): {
  keepAlive: boolean;
  keepAliveInitialDelay: number;
} {
  return { keepAlive: keepAliveMs > 0, keepAliveInitialDelay: keepAliveMs };
}

function bind(server: Server, { address, backlog, reusePort }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const bound = () => {
      server.off("error", reject);
      resolve();
    };
    if (address.kind === "unix") server.listen({ path: address.path, backlog }, bound);
    else if (address.host === "") server.listen({ port: address.port, backlog, reusePort }, bound);
    else server.listen({ host: address.host, port: address.port, backlog, reusePort }, bound);
  });
}

function bindError(error: unknown, address: Address): SocketError {
  const failure = toSocketError(error);
  // libuv tells a missing folder of a UNIX socket as EACCES.
  const noFolder = address.kind === "unix" && failure.code === "EACCES" && !existsSync(dirname(address.path));
  return noFolder ? { ...failure, code: "ENOENT" } : failure;
}

function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address();
  if (asked.kind === "unix" || bound === null || typeof bound === "string") return asked;
  return { kind: "tcp", host: asked.host, port: bound.port };
}

/** Resolves when the kernel no longer accepts; `server.close` itself would wait for every live connection. */
async function closeAll(servers: readonly Server[], accepted: () => number): Promise<void> {
  await emptyQueue(accepted, pollOnce);
  for (const server of servers) server.close();
}

/** Immediates run behind a poll; between two of them there is surely one. */
async function pollOnce(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A socket file nobody answers on: left behind by a process that was killed. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    if (!(lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false)) return resolve(false);
    const probe = netConnect({ path });
    probe.once("connect", () => resolve(false));
    probe.once("connect", () => probe.destroy());
    probe.once("error", (error) => resolve(toSocketError(error).code === "ECONNREFUSED"));
  });
}
