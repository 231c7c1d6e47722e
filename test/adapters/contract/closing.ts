import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { it } from "@std/testing/bdd";
import type { Capabilities } from "../../../core/runtime.ts";
import { type Link, patterned, resetWhilePaused, writePair } from "./link.ts";
import { aMoment } from "./recorder.ts";

/** End, close, reset: who learns of it, in which order, how often. */
export function closing({ reset: hasReset }: Pick<Capabilities, "reset">, join: () => Promise<Link>): void {
  it("half-closes: after our end the peer still talks to us", async () => {
    await using l = await join();
    l.socket.resume();
    l.socket.write(patterned(10));
    l.socket.end();
    await l.far.untilEnded();
    strictEqual(l.far.receivedBytes, 10);
    l.far.raw.write("after your end");
    await l.recorder.untilBytes(14);
    l.far.raw.end(" and mine");
    await l.recorder.untilClosed();
    strictEqual(l.recorder.text(), "after your end and mine");
    deepStrictEqual(l.recorder.events, ["data", "end", "close"]);
  });

  it("half-closes: after the peer's end we still talk to it", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.end("last words");
    await l.recorder.untilEvent("end");
    await aMoment();
    l.socket.write(patterned(1_000_000));
    await l.far.untilBytes(1_000_000);
    l.socket.end();
    await l.recorder.untilClosed();
    strictEqual(l.recorder.text(), "last words");
    deepStrictEqual(
      l.recorder.events.filter((name) => name !== "drain"),
      ["data", "end", "close"],
    );
  });

  it("ends once and closes once when both sides end together", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.end();
    l.socket.end();
    l.socket.end();
    await l.recorder.untilClosed();
    await aMoment(10);
    deepStrictEqual(l.recorder.events, ["end", "close"]);
  });

  it("writes the queue before FIN", async () => {
    await using l = await join();
    l.far.raw.pause();
    l.socket.write(patterned(8_000_000));
    l.socket.write(patterned(100));
    l.socket.end();
    await aMoment(10);
    strictEqual(l.far.ended, false);
    l.far.raw.resume();
    await l.far.untilEnded();
    strictEqual(l.far.receivedBytes, 8_000_100);
  });

  it("ends and closes behind the queue", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.pause();
    l.socket.write(patterned(8_000_000));
    l.socket.write(patterned(100));
    l.recorder.during(() => l.socket.endAndClose());
    strictEqual(l.socket.write(patterned(1)), true);
    await aMoment(10);
    strictEqual(l.far.ended, false);
    l.far.raw.resume();
    await l.far.untilEnded();
    strictEqual(l.far.receivedBytes, 8_000_100);
    l.far.raw.end();
    await l.recorder.untilClosed();
    strictEqual(l.recorder.events.at(-1), "close");
  });

  it("ends and closes with nothing queued, and once", async () => {
    await using l = await join();
    l.socket.resume();
    l.socket.write(patterned(10));
    l.recorder.during(() => {
      l.socket.endAndClose();
      l.socket.endAndClose();
      l.socket.end();
    });
    await l.far.untilEnded();
    strictEqual(l.far.receivedBytes, 10);
    l.far.raw.end();
    await l.recorder.untilClosed();
    deepStrictEqual(
      l.recorder.events.filter((name) => name !== "end"),
      ["close"],
    );
  });

  it("says whether it has closed already when it ends and closes", async () => {
    await using l = await join();
    l.socket.resume();
    l.socket.write(patterned(10));
    const isClosed = l.recorder.during(() => l.socket.endAndClose());
    await l.far.untilBytes(10);
    if (isClosed) {
      await l.recorder.untilClosed();
      deepStrictEqual(l.recorder.events, ["close"]);
    }
    l.far.raw.end();
    await l.recorder.untilClosed();
  });

  it("rests reading until it is resumed, or says that it goes on", async () => {
    await using l = await join();
    let rests: boolean | null = null;
    l.recorder.onBytes = (socket) => {
      rests ??= socket.restReading();
    };
    l.socket.resume();
    l.far.raw.write("a");
    await l.recorder.untilBytes(1);
    l.far.raw.end("b");
    if (rests) {
      await aMoment();
      strictEqual(l.recorder.text(), "a");
      l.socket.write(patterned(10));
      await l.far.untilBytes(10);
      strictEqual(l.recorder.text(), "a");
      l.socket.resume();
    }
    await l.recorder.untilEvent("end");
    strictEqual(l.recorder.text(), "ab");
  });

  it("closes while it rests reading, once all is written", async () => {
    await using l = await join();
    let rests = false;
    l.recorder.onBytes = (socket) => {
      rests = socket.restReading();
      if (!rests) return;
      socket.write(patterned(10));
      const isClosed = l.recorder.during(() => socket.endAndClose());
      strictEqual(isClosed, socket.queuedBytes === 0, "at once, unless the runtime has not taken all");
    };
    l.socket.resume();
    l.far.raw.write("a");
    await l.recorder.untilBytes(1);
    if (rests) {
      await l.recorder.untilClosed();
      await l.far.untilEnded();
      strictEqual(l.far.receivedBytes, 10);
    }
  });

  it("ignores writes after end and answers true", async () => {
    await using l = await join();
    l.socket.write(patterned(3));
    l.socket.end();
    strictEqual(l.socket.write(patterned(1_000_000)), true);
    strictEqual(writePair(l.socket, patterned(1), patterned(2)), true);
    await l.far.untilEnded();
    await aMoment(10);
    strictEqual(l.far.receivedBytes, 3);
    deepStrictEqual(l.recorder.events, []);
  });

  it("ignores everything after destroy and answers true", async () => {
    await using l = await join();
    const { socket, recorder } = l;
    recorder.during(() => {
      socket.destroy();
      strictEqual(socket.write(patterned(5)), true);
      strictEqual(writePair(socket, patterned(1), patterned(2)), true);
      socket.end();
      socket.pause();
      socket.resume();
      socket.reset();
      socket.destroy();
    });
    await recorder.untilClosed();
    socket.write(patterned(5));
    socket.resume();
    socket.destroy();
    strictEqual(socket.queuedBytes, 0);
    await l.far.until("closing", () => l.far.ended || l.far.closed);
    await aMoment(10);
    strictEqual(l.far.receivedBytes, 0);
    deepStrictEqual(recorder.events, ["close"]);
  });

  it("holds the peer's bytes and FIN while paused", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.write("a");
    await l.recorder.untilBytes(1);
    l.socket.pause();
    l.far.raw.end("b");
    await aMoment();
    deepStrictEqual(l.recorder.events, ["data"]);
    strictEqual(l.recorder.receivedBytes, 1);
    l.socket.resume();
    await l.recorder.untilEvent("end");
    strictEqual(l.recorder.text(), "ab");
  });

  it("holds FIN when paused in the last data, even with our own end sent", async () => {
    await using l = await join();
    l.recorder.onBytes = (socket) => socket.pause();
    l.socket.end();
    await l.far.untilEnded();
    l.far.raw.end("all");
    l.socket.resume();
    await l.recorder.untilBytes(3);
    await aMoment();
    deepStrictEqual(l.recorder.events, ["data"]);
    l.socket.resume();
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["data", "end", "close"]);
  });

  it("closes a paused socket that holds bytes and FIN, when destroyed", async () => {
    await using l = await join();
    l.socket.end();
    l.far.raw.end("nobody wants this");
    await aMoment();
    l.recorder.during(() => l.socket.destroy());
    await l.recorder.untilClosed();
    await aMoment(10);
    deepStrictEqual(l.recorder.events, ["close"]);
  });

  it("tells a reset from an end", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.write("x");
    await l.recorder.untilBytes(1);
    l.far.raw.resetAndDestroy();
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["data", "close ECONNRESET"]);
  });

  it("tells a reset from an end when it comes together with bytes", async () => {
    await using l = await join();
    l.socket.resume();
    await aMoment();
    l.far.raw.write("x");
    l.far.raw.resetAndDestroy();
    await l.recorder.untilClosed();
    deepStrictEqual(
      l.recorder.events.filter((name) => name !== "data"),
      ["close ECONNRESET"],
    );
  });

  it("gives the answer of a peer that resets in the middle of our writing", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.pause();
    l.socket.write(patterned(8_000_000));
    l.far.raw.write("too large");
    await l.recorder.untilBytes("too large".length); // on a busy machine that is more than a moment
    l.far.raw.resetAndDestroy();
    await l.recorder.untilClosed();
    strictEqual(l.recorder.text(), "too large");
    const events = l.recorder.events.filter((name) => name !== "drain");
    ok(["data,close ECONNRESET", "data,close EPIPE"].includes(`${events}`), `${events}`);
  });

  it("notices a reset while paused at latest when resumed", async () => {
    await using l = await join();
    await resetWhilePaused(l, "x", "y");
    strictEqual(l.recorder.text(), "x", "no data while paused");
    l.socket.resume();
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["data", "close ECONNRESET"]);
  });

  it("closes with an error when the peer is gone and we go on writing", async () => {
    await using l = await join();
    l.far.raw.resetAndDestroy();
    await aMoment(10);
    for (let turn = 0; turn < 200 && !l.recorder.closed; turn++) {
      l.socket.write(patterned(1000));
      if (turn === 100) l.socket.resume();
      await aMoment(1);
    }
    await l.recorder.untilClosed();
    ok(["close ECONNRESET", "close EPIPE"].includes(l.recorder.events.at(-1) ?? ""), `${l.recorder.events}`);
    strictEqual(l.socket.write(patterned(1000)), true);
  });

  it("destroys from inside a handler: nothing but close follows, and not at once", async () => {
    await using l = await join();
    const { recorder } = l;
    recorder.onBytes = (socket) => recorder.during(() => socket.destroy());
    l.socket.resume();
    l.far.raw.end(patterned(300_000));
    await recorder.untilClosed();
    await aMoment(10);
    deepStrictEqual(recorder.events, ["data", "close"]);
  });

  it("drops the queue on destroy", async () => {
    await using l = await join();
    l.far.raw.pause();
    l.socket.write(patterned(16_000_000));
    l.socket.destroy();
    l.far.raw.resume();
    await l.far.until("closing", () => l.far.ended || l.far.closed);
    ok(l.far.receivedBytes < 16_000_000);
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["close"]);
  });

  it("closes with null after a destroy that the peer's reset crosses", async () => {
    await using l = await join();
    l.socket.resume();
    l.far.raw.resetAndDestroy();
    l.socket.destroy();
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["close"]);
  });

  const reset = hasReset ? it : it.ignore;
  reset("sends RST on reset (capability)", async () => {
    await using l = await join();
    l.socket.write(patterned(5));
    await l.far.untilBytes(5);
    l.recorder.during(() => l.socket.reset());
    await l.far.until("reset", () => l.far.closed);
    strictEqual(l.far.errorCode, "ECONNRESET");
    strictEqual(l.far.ended, false);
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["close"]);
  });

  reset("sends RST on reset, though an end waits behind the queue (capability)", async () => {
    await using l = await join();
    l.far.raw.pause();
    l.socket.write(patterned(8_000_000));
    l.socket.end();
    l.recorder.during(() => l.socket.reset());
    await l.recorder.untilClosed();
    deepStrictEqual(l.recorder.events, ["close"]);
    l.far.raw.resume();
    // Behind bytes Node 20 tells a reset as an end; after one the kernel would have sent what it had, some megabytes.
    await l.far.until("reset", () => l.far.closed || l.far.ended);
    ok(l.far.receivedBytes < 1_000_000, `${l.far.receivedBytes} bytes`);
  });

  it("closes on reset directly after end", async () => {
    await using l = await join();
    l.socket.end();
    l.socket.reset();
    await l.recorder.untilClosed();
    await l.far.until("closing", () => l.far.ended || l.far.closed);
    l.far.raw.write("is anybody there?");
    await aMoment(10);
    l.far.raw.write("no");
    await l.far.until("an error", () => l.far.closed);
    deepStrictEqual(l.recorder.events, ["close"]);
  });

  it("closes on reset even where RST cannot be sent", async () => {
    await using l = await join();
    l.socket.reset();
    await l.recorder.untilClosed();
    await l.far.until("closing", () => l.far.ended || l.far.closed);
    deepStrictEqual(l.recorder.events, ["close"]);
  });
}
