import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { LOOPBACK } from "./contract/link.ts";
import { Recorder } from "./contract/recorder.ts";

const ENOMEM = -12;

/** Nothing comes of it, and writing fails. */
const deaf = {
  fd: -1,
  writeQueueSize: 0,
  owner: null,
  onread() {},
  useUserBuffer() {},
  readStart: () => 0,
  readStop: () => 0,
  writeBuffer: () => ENOMEM,
  writev: () => ENOMEM,
  shutdown: () => 0,
  close() {},
};

describe("a socket on a handle of Node", { ignore: runtimeUnderTest() !== "node24" }, () => {
  it("is closed by a write that failed for lack of memory: its peer is there, and reading would tell nothing", async () => {
    const { HandleSocket } = await import("../../adapters/node-handle-socket.ts");
    for (const isAccepted of [true, false]) {
      const recorder = new Recorder();
      const socket = new HandleSocket({ ...deaf }, 1000, LOOPBACK, isAccepted);
      socket.handler = recorder;
      socket.beginReading();
      socket.resume();
      socket.write(new Uint8Array(5000));
      await recorder.untilClosed();
      assert.deepEqual(recorder.events, ["close EUNKNOWN"]);
    }
  });
});
