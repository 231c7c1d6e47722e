/**
 * A connect has no handle in Bun before it is done: given up, it would go on in the kernel for two minutes, with a descriptor, and
 * a server that answers nothing would use them all up. By the C library of Linux its socket is known by the descriptor that was
 * free before, and is ended; Bun hears of that as of any connect that fails.
 */
import type { SocketError } from "../core/runtime.ts";
import { libc } from "./bun-libc.ts";
import { portIn, V6_NAME_BYTES } from "./sockaddr.ts";

// Linux' numbers.
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCP_SYN_SENT = 2;
const SHUT_RDWR = 2;

export const canAbort: boolean = libc !== null;

/** A connect under way. Its port tells it from whatever has its descriptor when it is over. */
export interface Connecting {
  readonly descriptor: number;
  readonly port: number;
}

/** What `begin` has begun; null where it is not to be found. Throws a SocketError. */
export function beginConnect(begin: () => void): Connecting | null {
  if (libc === null) {
    begin();
    return null;
  }
  // The kernel gives the lowest number that is free. Standard input may be closed.
  const duplicate = libc.dup(0);
  const descriptor = duplicate < 0 ? newSocket() : duplicate;
  libc.close(descriptor);
  begin();
  const port = portOf(descriptor);
  if (port > 0) return { descriptor, port };
  // There may be descriptors, and no files or no memory for a socket.
  if (port < 0) libc.close(newSocket());
  return null;
}

/** Of a connect that has no socket Bun 1.4 says ECONNREFUSED, and its server would be taken for dead. */
const NO_SOCKET: SocketError = { code: "EMFILE", message: "no descriptor is left, or no file of the system" };

function newSocket(): number {
  const descriptor = libc!.socket(AF_UNIX, SOCK_STREAM, 0);
  if (descriptor < 0) throw NO_SOCKET;
  return descriptor;
}

/** Nothing where it is connected, or over, by now. */
export function abortConnect({ descriptor, port }: Connecting): void {
  if (portOf(descriptor) !== port || !isConnecting(descriptor)) return;
  libc!.shutdown(descriptor, SHUT_RDWR);
}

const name = new Uint8Array(V6_NAME_BYTES);
const length = new Uint32Array(1);

/** 0 for a socket that is none of the internet, below 0 for what is none at all. */
function portOf(descriptor: number): number {
  name.fill(0);
  length[0] = name.length;
  return libc!.getsockname(descriptor, name, length) === 0 ? portIn(name) : -1;
}

/** The first byte of a `tcp_info`. */
const state = new Uint8Array(1);

function isConnecting(descriptor: number): boolean {
  length[0] = state.length;
  return libc!.getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, state, length) === 0 && state[0] === TCP_SYN_SENT;
}
