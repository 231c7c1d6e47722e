/**
 * The port on Node: node:net. Node pushes reads and queues writes itself, so this file mostly translates; what it
 * adds is holding an end that races with `pause`, and delivering every event to the handler of the moment.
 */
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type Socket as NetSocket, connect as netConnect, type Server } from "node:net";
import { dirname } from "node:path";
import type {
  Address,
  Attempt,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
  Runtime,
  SocketError,
} from "../core/runtime.ts";
import { emptyQueue } from "./accept-queue.ts";
import { isWritten } from "./chunk-memory.ts";
import { connect as connectWithHandle, setOptions } from "./node-connect.ts";
import { acceptHandles, passOnOptions, peerOf } from "./node-handle.ts";
import { HandleSocket } from "./node-handle-socket.ts";
import { NodeSocket, onConnect, type RawSocket } from "./node-socket.ts";
import { toSocketError, unsupported } from "./socket-error.ts";
import { system } from "./system.ts";

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

/** Sockets, names and clocks of Node: what a proxy in a program is started on there. */
export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  // Node 20 answers EADDRINUSE or ignores the option; it came with libuv 1.49.
  capabilities: {
    reusePort: NODE_MAJOR >= 24,
    reset: true,
    connectAbort: true,
    acceptPause: false,
    keepAliveDelay: true,
  },
  listen,
  connect,
  ...system,
  isWritten,
};

// ── listener ────────────────────────────────────────────────────────────────

async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  if (options.reusePort && !runtime.capabilities.reusePort) throw unsupported("reusePort");
  const { address } = options;
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: true,
    ...keepAliveOf(options),
    highWaterMark: options.highWaterBytes,
  });
  let accepted = 0;
  server.on("connection", (raw: NetSocket) => {
    accepted++;
    const socket = new NodeSocket(raw as RawSocket, options.highWaterBytes, address, null);
    socket.guard(() => handler.onSocket(socket));
  });
  try {
    await bind(server, options);
  } catch (error) {
    if (address.kind !== "unix" || toSocketError(error).code !== "EADDRINUSE" || !(await isStale(address.path))) {
      throw bindError(error, address);
    }
    unlinkSync(address.path);
    await bind(server, options).catch((again: unknown) => Promise.reject(toSocketError(again)));
  }
  server.on("error", (error) => handler.onAcceptError(toSocketError(error)));
  const { keepAliveMs = 0, highWaterBytes } = options;
  const arePassedOn = passOnOptions(server, keepAliveMs);
  acceptHandles(server, (handle) => {
    accepted++;
    if (!arePassedOn) setOptions(handle, keepAliveMs);
    // Asked while the socket is surely open: logs want it after the close, too.
    const socket = new HandleSocket(handle, highWaterBytes, address.kind === "unix" ? address : peerOf(handle));
    socket.guard(() => handler.onSocket(socket));
    socket.begin();
  });
  // libuv accepts whatever comes until the listening handle is closed, and its queue with it.
  const cannotRest = () => {};
  let closing: Promise<void> | null = null;
  return {
    address: boundAddress(server, address),
    pause: cannotRest,
    resume: cannotRest,
    close: () => (closing ??= closeServer(server, () => accepted)),
  };
}

/** libuv repeats the question every second, and gives up after the tenth. */
function keepAliveOf({ keepAliveMs = 0 }: { readonly keepAliveMs?: number }): {
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
async function closeServer(server: Server, accepted: () => number): Promise<void> {
  await emptyQueue(accepted, pollOnce);
  server.close();
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

// ── connect ─────────────────────────────────────────────────────────────────

function connect(options: ConnectOptions, done: ConnectDone): Attempt {
  if (options.tls !== null) {
    queueMicrotask(() => done(unsupported("TLS to upstreams"), null));
    return { cancel() {} };
  }
  return connectWithHandle(options, done) ?? connectNetSocket(options, done);
}

function connectNetSocket(options: ConnectOptions, done: ConnectDone): Attempt {
  const { address, highWaterBytes } = options;
  const shared = { allowHalfOpen: true, noDelay: true, ...keepAliveOf(options), highWaterMark: highWaterBytes };
  const raw =
    address.kind === "unix"
      ? netConnect({ ...shared, path: address.path })
      : netConnect({ ...shared, host: address.host, port: address.port });
  raw.pause();
  const socket: NodeSocket = new NodeSocket(raw as RawSocket, highWaterBytes, address, done);
  raw.once("connect", onConnect);
  return socket;
}
