/** Addresses of the port as those of the kernel (`sockaddr.ts`), and back. */
import type { Address, TcpAddress } from "../core/runtime.ts";
import { libc } from "./deno-libc.ts";
import { AF_INET, AF_INET6, portIn, V4_AT, V4_NAME_BYTES, V6_AT, V6_NAME_BYTES, v4In } from "./sockaddr.ts";
import { tcpAddress } from "./socket-error.ts";

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
  const port = portIn(name);
  const at = v4In(name);
  if (at >= 0) return { kind: "tcp", host: v4Host(name, at), port };
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
