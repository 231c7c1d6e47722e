/** Addresses of listeners and servers: `127.0.0.1:8080`, `:8080`, `[::1]:8080`, `app.internal:9002`, `unix:/run/x.sock`. */

import ipaddr from "ipaddr.js";
import { isAddressBlock } from "../http/address-block.ts";
import type { Address, TcpAddress } from "../runtime.ts";

/** `sun_path` holds 108 bytes on Linux, the last of them a NUL. */
const UNIX_PATH_BYTES_MAX = 107;

const LISTEN_FORMS = '"127.0.0.1:8080", ":8080", "[::1]:8080" or "unix:/run/x.sock"';
const SERVER_FORMS = '"127.0.0.1:9000", "[::1]:9000", "app.internal:9000" or "unix:/run/x.sock"';

export type AddressResult = Address | { readonly problem: string };

/** Where to listen: an IP address, `localhost`, or none for every address. Port 0 lets the system choose. */
export function parseListenAddress(text: string): AddressResult {
  const address = parseAddress(text, `:${text}`, LISTEN_FORMS);
  if ("problem" in address || address.kind === "unix") return address;
  if (address.host === "*") return { ...address, host: "" };
  if (address.host === "localhost") return { ...address, host: "127.0.0.1" };
  if (address.host !== "" && !ipaddr.isValid(address.host)) {
    return { problem: `cannot listen on a name; write an IP address, or ":${address.port}" for every address` };
  }
  return address;
}

/** Where to connect: an IP address or host name, always with a port. */
export function parseServerAddress(text: string): AddressResult {
  const address = parseAddress(text, `127.0.0.1:${text}`, SERVER_FORMS);
  if ("problem" in address || address.kind === "unix") return address;
  if (address.host === "" || address.host === "*") {
    return { problem: `says no host; for this machine write "127.0.0.1:${address.port}"` };
  }
  if (address.port === 0) return { problem: "port 0 is no port to connect to; write 1 to 65535" };
  return address;
}

/** A resolver of DNS: an IP address, with or without a port. */
export function parseResolverAddress(text: string): TcpAddress | { readonly problem: string } {
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text))
    return { kind: "tcp", host: text, port: 53 };
  const address = parseAddress(text, text, SERVER_FORMS);
  if ("problem" in address || address.kind === "unix" || !ipaddr.isValid(address.host) || address.port === 0)
    return { problem: 'is no address of a resolver; write one such as "10.0.0.53" or "127.0.0.1:5353"' };
  return address;
}

/** What the schema has let through parses. */
export function accepted(address: AddressResult): Address {
  if ("problem" in address) throw new Error(`unreachable: an address the schema accepted ${address.problem}`);
  return address;
}

/** Whether an address must be asked for. */
export function isName(address: Address): boolean {
  return address.kind === "tcp" && !ipaddr.isValid(address.host);
}

export function addressText(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** A block (`10.0.0.0/8`, `fd00::/8`) or a single address; null when it is fine. */
export function addressBlockProblem(text: string): string | null {
  if (isAddressBlock(text)) return null;
  const slash = text.indexOf("/");
  if (slash < 0) return 'not an IP address; write one such as "192.0.2.7", or a block such as "10.0.0.0/8"';
  const address = text.slice(0, slash);
  if (isAddressBlock(address)) return `write 0 to ${address.includes(":") ? 128 : 32} after the slash`;
  return `${JSON.stringify(address)} is not an IP address; write a block such as "10.0.0.0/8"`;
}

function parseAddress(text: string, withPortOnly: string, forms: string): AddressResult {
  if (text.startsWith("unix:")) return parseUnix(text.slice("unix:".length));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  if (scheme !== null) {
    // Without it the same address would be spoken to in plain text.
    if (/^(https|wss|tls)$/i.test(scheme[1] ?? "")) return { problem: "asks for TLS, which there is not yet" };
    return { problem: `leave out the ${JSON.stringify(scheme[0])}; write host and port, such as "127.0.0.1:9000"` };
  }
  if (/^[0-9]{1,5}$/.test(text)) return { problem: `is a port only; write ${JSON.stringify(withPortOnly)}` };
  const parts = /^(\[[^\]]*\]|[^:[\]]*):([0-9]{1,5})$/.exec(text);
  if (parts === null) return { problem: shapeProblem(text, forms) };
  const port = Number(parts[2]);
  if (port > 65_535) return { problem: "has a port above 65535" };
  const written = parts[1] ?? "";
  if (written.startsWith("[")) {
    const host = written.slice(1, -1);
    if (!ipaddr.IPv6.isValid(host)) return { problem: `${JSON.stringify(written)} is not an IPv6 address` };
    return { kind: "tcp", host, port };
  }
  if (written === "" || written === "*") return { kind: "tcp", host: written, port };
  const hostProblem = hostNameProblem(written);
  return hostProblem === null ? { kind: "tcp", host: written.toLowerCase(), port } : { problem: hostProblem };
}

function parseUnix(path: string): AddressResult {
  if (path === "" || path.includes("\0")) return { problem: 'needs a path, such as "unix:/run/app.sock"' };
  if (path.startsWith("//")) return { problem: `write "unix:${path.replace(/^\/+/, "/")}"` };
  if (new TextEncoder().encode(path).length > UNIX_PATH_BYTES_MAX) {
    return {
      problem: `has a path of more than ${UNIX_PATH_BYTES_MAX} bytes, more than the system allows for a socket`,
    };
  }
  return { kind: "unix", path };
}

function shapeProblem(text: string, forms: string): string {
  if (text === "") return 'is empty; write an address such as "127.0.0.1:8080"';
  if (ipaddr.IPv6.isValid(text)) return `write an IPv6 address in brackets, then the port, such as "[::1]:8080"`;
  if (text.startsWith("/")) return `for a UNIX socket write "unix:${text}"`;
  const variable = /\$\{?(?:env:)?([A-Za-z_][A-Za-z0-9_]*)/i.exec(text);
  if (variable !== null) return `for an environment variable write "\${env:${variable[1]}}"`;
  if (text.endsWith(";")) return 'leave out the ";"';
  const withMore = /^(\S+:[0-9]+) +\S/.exec(text);
  if (withMore !== null) return `write { address: ${JSON.stringify(withMore[1])}, … } for more than an address`;
  if (text.includes("/")) return 'has a path; write only host and port, such as "127.0.0.1:9000"';
  if (!text.includes(":")) return `has no port; write one, such as ${JSON.stringify(`${text}:8080`)}`;
  return `not an address; write ${forms}`;
}

/**
 * Null when it is fine. Old notations such as `127.1` or `0x7f.1` mean different hosts to different resolvers; only four
 * decimals pass.
 */
export function hostNameProblem(host: string): string | null {
  if (/(^|\.)([0-9]+|0x[0-9a-f]*)\.?$/i.test(host)) {
    return ipaddr.IPv4.isValidFourPartDecimal(host) ? null : `${JSON.stringify(host)} is not an IPv4 address`;
  }
  if (host.length > 253 || !/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/.test(host)) {
    return `${JSON.stringify(host)} is not a host name`;
  }
  return null;
}
