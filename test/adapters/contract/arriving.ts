import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "@std/testing/bdd";
import type { Address, Runtime } from "../../../core/runtime.ts";
import { executableOf } from "../../support/runtime-command.ts";
import { LOOPBACK, listenOptions, portOf } from "./link.ts";
import { aMoment, Recorder } from "./recorder.ts";

/** So many of each kind. */
const COUNT = 5;

/** What came before its connection was accepted. */
export function arriving(runtime: Runtime): void {
  for (const [when, waitMs] of [
    ["at once", null],
    ["later", 20],
  ] as const) {
    it(`tells what came before its connection was accepted, once and in order, when resumed ${when}`, async () => {
      const recorders: Recorder[] = [];
      const listener = await runtime.listen(listenOptions(LOOPBACK), {
        onSocket(socket) {
          const recorder = new Recorder();
          recorders.push(recorder);
          socket.handler = recorder;
          recorder.onEvent = (_, name) => {
            if (name === "end") socket.destroy();
          };
          recorder.during(() => {
            if (waitMs === null) socket.resume();
          });
          if (waitMs !== null) setTimeout(() => socket.resume(), waitMs);
        },
        onAcceptError() {},
      });
      sendMeanwhile(
        listener.address,
        `each(function () { this.end("hello"); });
         each(function () { this.end(); });
         each(function () { this.end("x".repeat(100_000)); });
         each(function () { this.resetAndDestroy(); });`,
      );
      strictEqual(recorders.length, 0);
      await listener.close();
      await aMoment();
      for (const recorder of recorders) await recorder.untilClosed();
      const told = recorders.map(({ events, receivedBytes }) => `${receivedBytes}: ${events.join()}`).sort();
      const isReset = (line: string): boolean => line === "0: close ECONNRESET";
      deepStrictEqual(
        told.filter((line) => !isReset(line)),
        ["0: end,close", "100000: data,end,close", "5: data,end,close"].flatMap((line) => Array(COUNT).fill(line)),
      );
    });
  }

  it("closes a socket that rests reading when writing shows that its client is gone", async () => {
    const recorders: Recorder[] = [];
    const listener = await runtime.listen(listenOptions(LOOPBACK), {
      onSocket(socket) {
        const recorder = new Recorder();
        recorders.push(recorder);
        socket.handler = recorder;
        recorder.onBytes = () => {
          // Whether it fails before the rest or behind it: so many bytes go out at once.
          if (recorders.length % 2 === 0) socket.write(new Uint8Array(5000));
          socket.restReading();
          socket.write(new Uint8Array(5000));
        };
        socket.resume();
      },
      onAcceptError() {},
    });
    sendMeanwhile(
      listener.address,
      `each(function () { this.write("hello", () => setTimeout(() => this.resetAndDestroy(), 50)); });`,
    );
    await listener.close();
    // Deno does not tell of some that are gone before they are accepted.
    for (const recorder of recorders) await recorder.untilClosed();
  });
}

/**
 * Another process runs `calls`, in which `each` makes some connections, while this one does nothing at all: until the
 * kernel has what each of them says, and its end.
 */
function sendMeanwhile(to: Address, calls: string): void {
  const script = `
    const { connect } = require("node:net");
    const under = new Set();
    const each = (say) => {
      for (let i = 0; i < ${COUNT}; i++) {
        const socket = connect(${portOf(to)}, "127.0.0.1", say);
        const over = () => under.delete(socket) && under.size === 0 && process.exit();
        under.add(socket.on("finish", over).on("close", over));
      }
    };
    ${calls}`;
  const { status, stderr } = spawnSync(executableOf("node"), ["-e", script], { timeout: 10_000 });
  strictEqual(status, 0, String(stderr));
}
