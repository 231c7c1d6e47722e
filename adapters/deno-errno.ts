/** Linux' numbers of errors in the port's words. */
import { getSystemErrorMap } from "node:util";
import type { SocketError } from "../core/runtime.ts";
import { toSocketError } from "./socket-error.ts";

export const EINTR = 4;
export const EAGAIN = 11;
export const EINPROGRESS = 115;

const NAMES = getSystemErrorMap();

export function errorOf(errno: number, call: string): SocketError {
  const [code] = NAMES.get(-errno) ?? [`error ${errno}`];
  return toSocketError({ code, message: `${call}: ${code}` });
}
