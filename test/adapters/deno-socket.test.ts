import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { DenoConn } from "../../adapters/deno-conn.ts";
import { DenoSocket } from "../../adapters/deno-socket.ts";
import { LOOPBACK } from "./contract/link.ts";
import { Recorder } from "./contract/recorder.ts";

/** Nothing comes of it, and writing fails. */
function deafConn(failure: object): DenoConn {
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  return {
    localAddr: address,
    remoteAddr: address,
    read: () => new Promise(() => {}),
    write: () => Promise.reject(failure),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

describe("a socket of Deno", () => {
  it("is closed by a write that failed for lack of memory: its peer is there, and reading would tell nothing", async () => {
    for (const isAccepted of [true, false]) {
      const recorder = new Recorder();
      const socket = new DenoSocket(deafConn({ code: "ENOBUFS", message: "write" }), 1000, LOOPBACK, isAccepted);
      socket.handler = recorder;
      socket.resume();
      socket.write(new Uint8Array(5000));
      await recorder.untilClosed();
      assert.deepEqual(recorder.events, ["close EUNKNOWN"]);
    }
  });
});
