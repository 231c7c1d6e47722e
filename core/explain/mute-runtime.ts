/** A runtime on which nothing happens: what is explained is not sent, resolved or checked. */

import type { Capabilities, Runtime, SocketError } from "../runtime.ts";

const MUTE: SocketError = { code: "EUNSUPPORTED", message: "nothing is sent while a request is explained" };
const NOTHING = { cancel() {}, stop() {} };
const CAPABILITIES: Capabilities = {
  reusePort: true,
  reset: true,
  acceptPause: true,
  keepAliveDelay: true,
  connectAbort: true,
};

export interface MuteRuntime extends Runtime {
  /** How often chance was asked. */
  draws: number;
  /** What it answers the next time; 0 from then on. */
  nextDraw: number;
}

/** Without `hmacSha256` signatures are as long as real ones, and all the same. */
export function createMuteRuntime(hmacSha256: Runtime["hmacSha256"] = () => new Uint8Array(32)): MuteRuntime {
  return {
    name: "mute",
    version: "",
    capabilities: CAPABILITIES,
    draws: 0,
    nextDraw: 0,
    listen: () => Promise.reject(MUTE),
    connect: () => NOTHING,
    resolve: () => NOTHING,
    isWritten: () => true,
    now: () => 0,
    wallClockMs: () => 0,
    random() {
      const drawn = this.nextDraw;
      this.nextDraw = 0;
      this.draws++;
      return drawn;
    },
    randomBytes: (length) => new Uint8Array(length),
    hmacSha256,
    every: () => NOTHING,
    descriptorsMax: () => null,
    memoryLoad: () => null,
  };
}
