/**
 * The port on Node, by one of two ways:
 *
 *     Node 24 and newer                    node-handle-socket.ts, on the handles below node:net (node-handle.ts)
 *     Node 20, and on Windows              node-socket.ts, on net.Socket
 */
import { connect as netConnect } from "node:net";
import type { Attempt, ConnectDone, ConnectOptions, Runtime } from "../core/runtime.ts";
import { isWritten } from "./chunk-memory.ts";
import { connect as connectWithHandle, keepAliveOf } from "./node-connect.ts";
import { canSharePorts, listen } from "./node-listening.ts";
import { NodeSocket, onConnect, type RawSocket } from "./node-socket.ts";
import { unsupported } from "./socket-error.ts";
import { system } from "./system.ts";

/** Sockets, names and clocks of Node: what a proxy in a program is started on there. */
export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  capabilities: {
    reusePort: canSharePorts,
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
