import type { Address, SocketError, SocketErrorCode } from "../core/runtime.ts";

/**
 * The runtimes' errors in the port's words. Node, Bun and mostly Deno put libc's name into `code`; where Deno has no
 * code, its class has a name. The text is for the log and never looked at.
 */
export function toSocketError(error: unknown): SocketError {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  return {
    code: CODES.get(String(code)) ?? CODES.get(String(name)) ?? "EUNKNOWN",
    message: String(message || error),
  };
}

export function unsupported(what: string): SocketError {
  return { code: "EUNSUPPORTED", message: `${what}: this runtime's adapter does not do that` };
}

/**
 * Of a write that has failed: whether because of the peer, so that reading tells what it had sent before, and its end. Otherwise
 * (no memory, a rule of this machine) nobody would ever tell.
 */
export function isOfPeer({ code }: SocketError): boolean {
  return code !== "EUNKNOWN" && code !== "EACCES";
}

export const CANCELED: SocketError = { code: "ECANCELED", message: "the connection attempt was given up" };

/**
 * An IPv4 peer of a dual-stack listener is plain IPv4 to everybody above. Only Node says by which interface a link-local peer
 * has come (`fe80::1%eth0`): that is no part of its address (RFC 4007 section 11), and no block would hold it.
 */
export function tcpAddress(host = "", port = 0): Address {
  const plain = host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
  const zoneAt = plain.indexOf("%");
  return { kind: "tcp", host: zoneAt === -1 ? plain : plain.slice(0, zoneAt), port };
}

const CODES: ReadonlyMap<string, SocketErrorCode> = new Map<string, SocketErrorCode>([
  ["ECONNREFUSED", "ECONNREFUSED"],
  ["ECONNRESET", "ECONNRESET"],
  ["ECONNABORTED", "ECONNRESET"],
  ["EPIPE", "EPIPE"],
  ["ETIMEDOUT", "ETIMEDOUT"],
  ["EHOSTUNREACH", "EHOSTUNREACH"],
  ["ENETUNREACH", "ENETUNREACH"],
  ["ENOTFOUND", "ENOTFOUND"],
  ["EAI_AGAIN", "ENOTFOUND"],
  ["ENOENT", "ENOENT"],
  ["EACCES", "EACCES"],
  ["EPERM", "EACCES"],
  ["EADDRINUSE", "EADDRINUSE"],
  ["EADDRNOTAVAIL", "EADDRNOTAVAIL"],
  ["EMFILE", "EMFILE"],
  ["ENFILE", "ENFILE"],
  ["EUNSUPPORTED", "EUNSUPPORTED"],
  // Deno's classes.
  ["ConnectionReset", "ECONNRESET"],
  ["ConnectionAborted", "ECONNRESET"],
  ["BrokenPipe", "EPIPE"],
  ["TimedOut", "ETIMEDOUT"],
  ["PermissionDenied", "EACCES"],
  ["NotCapable", "EDENIED"],
]);
