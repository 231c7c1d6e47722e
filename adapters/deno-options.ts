/** Options of the kernel's sockets. */
import { libc } from "./deno-libc.ts";

// Linux' numbers.
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const IPPROTO_IPV6 = 41;
const TCP_NODELAY = 1;
const IPV6_V6ONLY = 26;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/** As Node and Bun have it; the system would take eleven minutes to give up. */
const PROBES_APART_S = 1;
const PROBES_MAX = 10;

const NUMBER_BYTES = 4;
const value = new Int32Array(1);
const valueLength = new Uint32Array(1);
/** For no time: what is not sent by the close is dropped, and the peer told so. */
const linger = new Int32Array([1, 0]);

function set(descriptor: number, level: number, name: number, to: number): void {
  value[0] = to;
  libc!.setsockopt(descriptor, level, name, value, NUMBER_BYTES);
}

/** Of a connection, or of a listener for all that it accepts: on Linux they have the options of their listener. */
export function tune(descriptor: number, keepAliveMs: number): void {
  set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  if (keepAliveMs === 0) return;
  set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, Math.max(1, Math.floor(keepAliveMs / 1000)));
  set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, PROBES_APART_S);
  set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, PROBES_MAX);
}

/** Of a listener, with its port; of IPv6 with IPv4, too, whatever the system's default (`net.ipv6.bindv6only`). */
export function share(descriptor: number, withOtherListeners: boolean): void {
  set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0); // which an IPv4 socket does not have
  if (withOtherListeners) set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
}

export function closeByReset(descriptor: number): void {
  libc!.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, linger, linger.byteLength);
}

/** The error that waits, which it does no longer; 0 for none. */
export function takeError(descriptor: number): number {
  valueLength[0] = NUMBER_BYTES;
  return libc!.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, value, valueLength) === 0 ? (value[0] as number) : 0;
}
