import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { connect as netConnect } from "node:net";
import { join as joinPath } from "node:path";
import { it } from "@std/testing/bdd";
import type { Runtime, Socket } from "../../../core/runtime.ts";
import { createScratch } from "../../e2e/scratch.ts";
import { runtimeUnderTest } from "../../support/runtime-command.ts";
import { type Link, listenOptions, patterned, resetWhilePaused, type Side } from "./link.ts";
import { aMoment, Recorder } from "./recorder.ts";

/** On Node 20 a net.Socket closes its descriptor at once, with all that waits there. */
const keeps = runtimeUnderTest() === "node" ? it.skip : it;

const isFailure = (name: string | undefined): boolean => name === "close ECONNRESET" || name === "close EPIPE";

/** What becomes of a failed write: what the peer has said before is heard, as far as anybody listens. */
export function failing(runtime: Runtime, side: Side, join: () => Promise<Link>): void {
  if (side === "connected") keeping(join);
  else closingUnheard(runtime, join);
}

function keeping(join: () => Promise<Link>): void {
  keeps("keeps what came before a failed write for a reader that is paused", async () => {
    await using l = await join();
    await resetWhilePaused(l, "too ", "large");
    for (let turn = 0; turn < 20; turn++) {
      l.socket.write(patterned(100_000));
      await aMoment(1);
    }
    strictEqual(l.recorder.text(), "too ");
    ok(l.socket.queuedBytes > 0, "not all was taken");
    l.socket.resume();
    await l.recorder.untilClosed();
    strictEqual(l.recorder.text(), "too large");
    const kinds = new Set(l.recorder.events.map((name) => (isFailure(name) ? "failure" : name)));
    kinds.delete("drain");
    deepStrictEqual([...kinds], ["data", "failure"]);
  });

  keeps("lets a writer that waits go on when a write has failed", async () => {
    await using l = await join();
    l.far.raw.pause();
    while (l.socket.write(patterned(1_000_000)));
    l.far.raw.resetAndDestroy();
    await l.recorder.untilEvent("drain");
    strictEqual(l.socket.write(patterned(10)), true);
    l.socket.resume();
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events.filter(isFailure).length, 1);
  });
}

function closingUnheard(runtime: Runtime, join: () => Promise<Link>): void {
  it("closes by a failed write, also when it is paused behind it", async () => {
    for (let time = 0; time < 10; time++) {
      await using l = await join();
      l.recorder.onBytes = (socket) => {
        socket.write(patterned(100_000));
        socket.pause();
      };
      l.socket.resume();
      l.far.raw.write("GET");
      l.far.raw.resetAndDestroy();
      for (let turn = 0; turn < 200 && !l.recorder.closed; turn++) {
        l.socket.write(patterned(100_000));
        await aMoment(1);
      }
      await l.recorder.untilClosed();
      ok(isFailure(l.recorder.events.at(-1)), `${l.recorder.events}`);
    }
  });

  it("takes a reset for no end, also when it is a write that meets it", async () => {
    for (let time = 0; time < 20; time++) {
      await using l = await join();
      l.socket.resume();
      l.far.raw.resetAndDestroy();
      for (let turn = 0; turn < 200 && !l.recorder.closed; turn++) {
        l.socket.write(patterned(100_000));
        l.socket.write(patterned(100_000));
        await aMoment(0);
      }
      await l.recorder.untilClosed();
      ok(isFailure(l.recorder.events.at(-1)) && !l.recorder.events.includes("end"), `${l.recorder.events.slice(-3)}`);
    }
  });

  keeps("hears the last words of a peer, though a write has failed behind them", async () => {
    for (let time = 0; time < 10; time++) {
      await using l = await join();
      l.socket.resume();
      l.far.raw.pause();
      await aMoment(5);
      l.far.raw.write("BYE");
      l.far.raw.resetAndDestroy();
      l.socket.write(patterned(100_000));
      await l.recorder.untilClosed();
      strictEqual(l.recorder.text(), "BYE");
    }
  });

  it("closes by a failed write, also where it is a UNIX socket that is paused", async () => {
    const scratch = createScratch();
    const recorder = new Recorder();
    let accepted = null as Socket | null;
    recorder.onBytes = (socket) => {
      accepted = socket;
      socket.pause();
    };
    const path = joinPath(scratch.folder, "paused.sock");
    const listener = await runtime.listen(listenOptions({ kind: "unix", path }), {
      onSocket(socket) {
        socket.handler = recorder;
        socket.resume();
      },
      onAcceptError() {},
    });
    const far = netConnect({ path });
    far.on("error", () => {});
    far.write("GET");
    await recorder.untilBytes(3);
    far.destroy();
    for (let turn = 0; turn < 200 && !recorder.closed; turn++) {
      accepted!.write(patterned(100_000));
      await aMoment(1);
    }
    await recorder.untilClosed();
    await listener.close();
    scratch.remove();
  });
}
