/** What binding an address takes on every runtime. */
import { lstatSync, unlinkSync } from "node:fs";
import type { Address } from "../core/runtime.ts";
import { toSocketError } from "./socket-error.ts";

/** Rejects with a SocketError. `connect` tells whether anybody answers on the file of a UNIX socket. */
export async function bindAt<T>(address: Address, bind: () => T | Promise<T>, connect: Connect): Promise<T> {
  try {
    return await (address.kind === "tcp" ? bind() : bindFile(address.path, bind, connect));
  } catch (error) {
    throw toSocketError(error);
  }
}

/** IPv6 takes what comes by IPv4 as well; a machine without it has only the latter. */
export function bindEverywhere<T>(bind: (host: string) => T): T {
  try {
    return bind("::");
  } catch (error) {
    if (toSocketError(error).code === "EADDRINUSE") throw error;
    return bind("0.0.0.0");
  }
}

type Connect = (path: string) => Promise<void>;

async function bindFile<T>(path: string, bind: () => T | Promise<T>, connect: Connect): Promise<T> {
  try {
    return await bind();
  } catch (error) {
    if (toSocketError(error).code !== "EADDRINUSE" || !(await isStale(path, connect))) throw error;
    unlinkSync(path);
    return bind();
  }
}

/** A socket file nobody answers on: left behind by a process that was killed. */
async function isStale(path: string, connect: Connect): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  try {
    await connect(path);
    return false;
  } catch (error) {
    return toSocketError(error).code === "ECONNREFUSED";
  }
}
