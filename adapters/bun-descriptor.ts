/**
 * What Bun has no way for, by the C library of Linux on a socket's descriptor. Where that is missing, or Bun tells another
 * descriptor, the answer is no, and the way is Bun's own.
 *
 *   keep-alive   once for a listener, whose options its connections have: four system calls less for each
 *   the peer     by one system call instead of two, one for the host and one for the port
 *   the first    bytes, which mostly wait when their connection is accepted: past Bun's loop and its array for them, 3 % of
 *                the CPU time of a short connection
 */
import { isDeepStrictEqual } from "node:util";
import type { Address } from "../core/runtime.ts";
import { libc } from "./bun-libc.ts";
import { portIn, V6_NAME_BYTES, v4In } from "./sockaddr.ts";
import { tcpAddress } from "./socket-error.ts";

/** What Bun says of a connection. */
interface Connected {
  readonly fd?: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
}

// Linux' numbers.
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const MSG_DONTWAIT = 0x40;
const FIONREAD = 0x541b;

const value = new Int32Array(1);
const length = new Uint32Array(1);

/** Keep-alive as `setKeepAlive` of Bun turns it on, for all that this listener accepts. False where that is not possible. */
export function passOnKeepAlive(listener: { readonly fd?: number }, keepAliveMs: number): boolean {
  const { fd = -1 } = listener;
  if (libc === null || fd < 0) return false;
  length[0] = value.byteLength;
  if (libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, length) !== 0 || value[0] !== 1) return false;
  return (
    isSet(fd, IPPROTO_TCP, TCP_KEEPIDLE, Math.floor(keepAliveMs / 1000)) &&
    isSet(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1) &&
    isSet(fd, IPPROTO_TCP, TCP_KEEPCNT, 10) &&
    isSet(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
  );
}

function isSet(descriptor: number, level: number, name: number, to: number): boolean {
  value[0] = to;
  return libc!.setsockopt(descriptor, level, name, value, value.byteLength) === 0;
}

/** A request head fits; what is more is left to Bun. */
const room = new Uint8Array(4096);

/** Bun accepts for as long as connections come, and all else waits for that: more must not be done for each of them. */
const READS_OF_TURN_MAX = 32;
let readsOfTurn = 0;

/**
 * What waits to be read, or the first of it; null for nothing, and when enough was read in this turn of the event loop. Only
 * what waits, so that no error is taken away from Bun.
 */
export function readWaiting(descriptor: number): Uint8Array | null {
  if (libc === null || !tellsRight || readsOfTurn === READS_OF_TURN_MAX) return null;
  if (libc.ioctl(descriptor, FIONREAD, value) !== 0 || value[0] === 0) return null;
  if (readsOfTurn++ === 0) setImmediate(endTurn);
  const count = libc.recv(descriptor, room, room.length, MSG_DONTWAIT);
  return count > 0 ? room.slice(0, count) : null;
}

function endTurn(): void {
  readsOfTurn = 0;
}

const name = new Uint8Array(V6_NAME_BYTES);
/** A descriptor that was told was the connection's. */
let tellsRight = false;

/** Null for IPv6, and where nobody can tell. */
export function peerOf(connection: Connected): Address | null {
  const { fd = -1 } = connection;
  if (libc === null || fd < 0) return null;
  length[0] = name.length;
  if (libc.getpeername(fd, name, length) !== 0) return null;
  const at = v4In(name);
  if (at < 0) return null;
  const host = `${name[at]}.${name[at + 1]}.${name[at + 2]}.${name[at + 3]}`;
  const peer = { kind: "tcp", host, port: portIn(name) } as const;
  if (!tellsRight) tellsRight = isDeepStrictEqual(peer, tcpAddress(connection.remoteAddress, connection.remotePort));
  return tellsRight ? peer : null;
}
