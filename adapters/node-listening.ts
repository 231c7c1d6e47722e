/** A listener of the port on Node, and the sockets it listens on. */
import cluster from "node:cluster";
import { existsSync } from "node:fs";
import { createServer, type Socket as NetSocket, connect as netConnect, type Server } from "node:net";
import { dirname } from "node:path";
import type { Address, Listener, ListenHandler, ListenOptions, SocketError, TcpAddress } from "../core/runtime.ts";
import { emptyQueue } from "./accept-queue.ts";
import { bindAt } from "./binding.ts";
import { DescriptorWatch } from "./descriptor-watch.ts";
import { keepAliveOf, setOptions } from "./node-connect.ts";
import { acceptHandles, type ListeningHandle, passOnOptions, peerOf, sharingHandles } from "./node-handle.ts";
import { HandleSocket } from "./node-handle-socket.ts";
import { NodeSocket, type RawSocket } from "./node-socket.ts";
import { toSocketError, unsupported } from "./socket-error.ts";
import { type SocketFile, socketFileOf } from "./socket-file.ts";

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

/** Node 20 answers EADDRINUSE or ignores the option; it came with libuv 1.49. */
export const canSharePorts: boolean = NODE_MAJOR >= 24;

/**
 * libuv accepts one connection of a socket in each turn of its loop, and the turn itself is a tenth of what a short
 * connection costs. So a port has eight sockets, among which Linux shares its connections out: 0.91 times the CPU time of
 * a new connection for each request ([065](../docs/decisions/065-a-listener-of-node-is-eight-sockets.md)).
 */
const SOCKETS_PER_PORT = 8;
/** A cluster's worker listens through its primary. */
const paysToShare = canSharePorts && process.platform === "linux" && !cluster.isWorker;

const descriptors = new DescriptorWatch(false);

type Open = (handle?: ListeningHandle) => Promise<Server>;

export async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  if (options.reusePort && !canSharePorts) throw unsupported("reusePort");
  const { address, reusePort } = options;
  let accepted = 0;
  const open: Open = (handle) => openServer(options, handler, () => accepted++, handle);
  const servers = await (address.kind === "tcp" && paysToShare && !reusePort
    ? openSeveral(address, open)
    : bindAt(address, () => openOne(address, open), probe));
  const file = socketFileOf(address);
  const unwatch = descriptors.add((error) => handler.onAcceptError(error));
  // libuv accepts whatever comes until the listening handle is closed, and its queue with it.
  const cannotRest = () => {};
  let closing: Promise<void> | null = null;
  return {
    address: boundAddress(servers[0]!, address),
    pause: cannotRest,
    resume: cannotRest,
    isReachable: () => closing === null && file.isThere(),
    close: () => (closing ??= closeAll(servers, file, () => accepted).finally(unwatch)),
  };
}

async function openOne(address: Address, open: Open): Promise<Server[]> {
  try {
    return [await open()];
  } catch (error) {
    throw bindError(error, address);
  }
}

async function openSeveral(address: TcpAddress, open: Open): Promise<Server[]> {
  const handles = sharingHandles(address.host, address.port, SOCKETS_PER_PORT);
  // All of them at once: between bound and listening somebody else could have the port.
  const results = await Promise.allSettled(handles.map((handle) => open(handle)));
  const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  return opened.length > 0 ? opened : openOne(address, open);
}

async function openServer(
  options: ListenOptions,
  handler: ListenHandler,
  onAccepted: () => void,
  handle?: ListeningHandle,
): Promise<Server> {
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
  await bind(server, options, handle);
  server.on("error", (error) => handler.onAcceptError(toSocketError(error)));
  const arePassedOn = passOnOptions(server, keepAliveMs);
  acceptHandles(server, (handle) => {
    onAccepted();
    if (!arePassedOn) setOptions(handle, keepAliveMs);
    // Asked while the socket is surely open: logs want it after the close, too.
    const peer = address.kind === "unix" ? address : peerOf(handle);
    const socket = new HandleSocket(handle, highWaterBytes, peer, true);
    socket.guard(() => handler.onSocket(socket));
    socket.begin();
  });
  return server;
}

function bind(server: Server, options: ListenOptions, handle?: ListeningHandle): Promise<void> {
  const { address, backlog, reusePort } = options;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const bound = () => {
      server.off("error", reject);
      resolve();
    };
    if (handle !== undefined) server.listen(handle, backlog, bound);
    else if (address.kind === "unix") server.listen({ path: address.path, backlog }, bound);
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
async function closeAll(servers: readonly Server[], file: SocketFile, accepted: () => number): Promise<void> {
  await emptyQueue(accepted, pollOnce);
  const putBack = file.spareOther();
  for (const server of servers) server.close();
  putBack();
}

/** Immediates run behind a poll; between two of them there is surely one. */
async function pollOnce(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function probe(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const raw = netConnect({ path });
    raw.once("connect", () => {
      raw.destroy();
      resolve();
    });
    raw.once("error", reject);
  });
}
