/**
 * Addresses as the kernel has them: a `sockaddr_in` or `sockaddr_in6`. The family in the machine's order, the port in the
 * network's, the address at 4 or, of IPv6, at 8.
 */
import type { Address, TcpAddress } from "../core/runtime.ts";
import { libc } from "./deno-libc.ts";
import { tcpAddress } from "./socket-error.ts";

// Linux' numbers.
export const AF_INET = 2;
export const AF_INET6 = 10;

const V4_NAME_BYTES = 16;
const V6_NAME_BYTES = 28;
const V4_AT = 4;
const V6_AT = 8;
/** As much of an IPv6 address as says that an IPv4 address follows (RFC 4291 section 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const TEXT_BYTES_MAX = 46;

/** What the kernel has written: `nameRoom` in, `addressIn` out. */
export const nameRoom = new Uint8Array(V6_NAME_BYTES);
export const nameLength = new Uint32Array(1);

const text = new Uint8Array(TEXT_BYTES_MAX);
const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Of the last IPv4 address: most come from a few. */
let lastV4 = -1;
let lastHost = "";

/** Null where `host` is no address, or one with a zone. */
export function nameOf({ host, port }: TcpAddress): Uint8Array | null {
  const isV6 = host.includes(":");
  const name = new Uint8Array(isV6 ? V6_NAME_BYTES : V4_NAME_BYTES);
  const family = isV6 ? AF_INET6 : AF_INET;
  name[0] = family;
  name[2] = port >> 8;
  name[3] = port & 0xff;
  const isAddress = libc!.inet_pton(family, encoder.encode(`${host}\0`), name.subarray(isV6 ? V6_AT : V4_AT)) === 1;
  return isAddress ? name : null;
}

export function addressIn(name: Uint8Array): Address {
  const port = (name[2]! << 8) | name[3]!;
  if (name[0] === AF_INET) return { kind: "tcp", host: v4Host(name, V4_AT), port };
  if (MAPPED.every((byte, i) => name[V6_AT + i] === byte)) {
    return { kind: "tcp", host: v4Host(name, V6_AT + MAPPED.length), port };
  }
  libc!.inet_ntop(AF_INET6, name.subarray(V6_AT), text, text.length);
  return tcpAddress(decoder.decode(text.subarray(0, text.indexOf(0))), port);
}

function v4Host(name: Uint8Array, at: number): string {
  const address = (name[at]! << 24) | (name[at + 1]! << 16) | (name[at + 2]! << 8) | name[at + 3]!;
  if (address !== lastV4 || lastHost === "") {
    lastV4 = address;
    lastHost = `${name[at]}.${name[at + 1]}.${name[at + 2]}.${name[at + 3]}`;
  }
  return lastHost;
}
