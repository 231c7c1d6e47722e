/**
 * The port on Deno, by one of two ways:
 *
 *     TCP, with --allow-ffi (and -A)       deno-tcp.ts, sockets of the kernel on an epoll of our own (deno-poll.ts)
 *     UNIX sockets, and TCP without it     deno-socket.ts, on Deno's operations (deno-operations.ts)
 */
import type {
  Address,
  Attempt,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
  Runtime,
  TcpAddress,
} from "../core/runtime.ts";
import { connectByTcp } from "./deno-attempt.ts";
import { isWritten } from "./deno-buffers.ts";
import { listenOnTcp } from "./deno-listening.ts";
import * as operations from "./deno-operations.ts";
import { poll } from "./deno-poll.ts";
import { openRing } from "./deno-ring.ts";
import { openRingSoon } from "./late-writes.ts";
import { isPermitted } from "./permission.ts";
import { system } from "./system.ts";

interface DenoNamespace {
  readonly version: { readonly deno: string };
}

declare const Deno: DenoNamespace;

const isOwn = poll !== null;

/** Sockets, names and clocks of Deno: what a proxy in a program is started on there. */
export const runtime: Runtime = {
  name: "deno",
  version: Deno.version.deno,
  // Deno itself has no linger option and no terminate, so it can't send RST.
  capabilities: { reusePort: true, reset: isOwn, connectAbort: true, acceptPause: true, keepAliveDelay: isOwn },
  listen,
  connect,
  ...system,
  isWritten,
};

async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  const { address, tls } = options;
  operations.readySignals();
  const listener = isOwn && tls === null && isOpen(address) ? listenOnTcp(options, address, handler) : null;
  if (listener === null) return operations.listen(options, handler);
  openRingSoon(openRing);
  return listener;
}

function connect(options: ConnectOptions, done: ConnectDone): Attempt {
  const { address, tls } = options;
  const attempt = isOwn && tls === null && isOpen(address) ? connectByTcp(options, address, done) : null;
  return attempt ?? operations.connect(options, done);
}

/** The kernel does not ask Deno what it permits. Where it doesn't, Deno itself is to say so. */
function isOpen(address: Address): address is TcpAddress {
  if (address.kind !== "tcp") return false;
  const { host, port } = address;
  const named = host === "" ? "[::]" : host.includes(":") ? `[${host}]` : host;
  return isPermitted({ name: "net", host: `${named}:${port}` });
}
