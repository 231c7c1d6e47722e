/** Linux' numbers of errors, as far as sockets meet them, in the port's words. */
import type { SocketError, SocketErrorCode } from "../core/runtime.ts";

export const EINTR = 4;
export const EAGAIN = 11;
export const EINPROGRESS = 115;

const CODES: ReadonlyMap<number, SocketErrorCode> = new Map<number, SocketErrorCode>([
  [1, "EACCES"], // EPERM
  [13, "EACCES"],
  [23, "EMFILE"], // ENFILE
  [24, "EMFILE"],
  [32, "EPIPE"],
  [98, "EADDRINUSE"],
  [99, "EADDRNOTAVAIL"],
  [101, "ENETUNREACH"],
  [103, "ECONNRESET"], // ECONNABORTED
  [104, "ECONNRESET"],
  [110, "ETIMEDOUT"],
  [111, "ECONNREFUSED"],
  [113, "EHOSTUNREACH"],
]);

export function errorOf(errno: number, call: string): SocketError {
  const code = CODES.get(errno) ?? "EUNKNOWN";
  return { code, message: `${call}: ${code === "EUNKNOWN" ? `error ${errno}` : code}` };
}
