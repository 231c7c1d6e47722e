import { ok, strictEqual } from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../../support/runtime-command.ts";
import { type Link, patterned, type Side } from "./link.ts";
import { aMoment } from "./recorder.ts";

/** What becomes of a failed write where nobody is there any more to be answered, and where an answer may wait. */
export function failing(side: Side, join: () => Promise<Link>): void {
  if (side === "connected") {
    // Node 20 closes the descriptor at once.
    const keeps = runtimeUnderTest() === "node" ? it.skip : it;
    keeps("keep what came before a failed write for a reader that is paused", async () => {
      await using l = await join();
      l.socket.resume();
      l.far.raw.write("too ");
      await l.recorder.untilBytes(4);
      l.socket.pause();
      l.far.raw.write("large");
      await aMoment(10);
      l.far.raw.resetAndDestroy();
      await aMoment(10);
      for (let turn = 0; turn < 20; turn++) {
        l.socket.write(patterned(100_000));
        await aMoment(1);
      }
      strictEqual(l.recorder.text(), "too ");
      l.socket.resume();
      await l.recorder.untilClosed();
      strictEqual(l.recorder.text(), "too large");
      ok(["data,close ECONNRESET", "data,close EPIPE"].includes(`${l.recorder.events}`), `${l.recorder.events}`);
    });
  } else {
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
        ok(/^close (?:ECONNRESET|EPIPE)$/.test(l.recorder.events.at(-1) ?? ""), `${l.recorder.events}`);
      }
    });
  }
}
