/** A runtime on which nothing happens: what is explained is not sent, resolved or checked. */

import type { Runtime, SocketError } from "../runtime.ts";

const MUTE: SocketError = { code: "EUNSUPPORTED", message: "nothing is sent while a request is explained" };
const NOTHING = { cancel() {}, stop() {} };

/** Signatures are as long as real ones, and all the same. */
export const MUTE_RUNTIME: Runtime = {
  name: "mute",
  version: "",
  capabilities: { reusePort: true, reset: true, cancelConnect: true } as unknown as Runtime["capabilities"],
  listen: () => Promise.reject(MUTE),
  connect: () => NOTHING,
  resolve: () => NOTHING,
  now: () => 0,
  wallClockMs: () => 0,
  random: () => 0,
  randomBytes: (length) => new Uint8Array(length),
  hmacSha256: () => new Uint8Array(32),
  every: () => NOTHING,
  descriptorsMax: () => null,
  memoryLoad: () => null,
};
