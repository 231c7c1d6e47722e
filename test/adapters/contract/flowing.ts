import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "@std/testing/bdd";
import { HIGH_WATER_BYTES, type Link, patterned, writePair } from "./link.ts";
import { aMoment, joinedChunks } from "./recorder.ts";

/** More than the kernel takes on loopback, whatever its buffers grow to. */
const BULK_BYTES = 32 * 1024 * 1024;

/** Bytes in both directions, pausing, and what happens when a side is slow. */
export function flowing(join: () => Promise<Link>): void {
  it("starts paused", async () => {
    await using l = await join();
    l.far.raw.write("early");
    await aMoment();
    deepStrictEqual(l.recorder.events, []);
    l.socket.resume();
    await l.recorder.untilBytes(5);
    strictEqual(l.recorder.text(), "early");
  });

  it("never calls back from inside resume", async () => {
    await using l = await join();
    l.far.raw.end("bytes and the end");
    await aMoment();
    l.recorder.during(() => l.socket.resume());
    await l.recorder.untilEvent("end");
    deepStrictEqual(l.recorder.events, ["data", "end"]);
  });

  it("carries bytes both ways", async () => {
    await using l = await join();
    l.socket.resume();
    strictEqual(l.socket.write(patterned(1000)), true);
    l.far.raw.write(patterned(2000));
    await Promise.all([l.recorder.untilBytes(2000), l.far.untilBytes(1000)]);
    strictEqual(sha(l.recorder.chunks), sha([patterned(2000)]));
    strictEqual(sha(l.far.chunks), sha([patterned(1000)]));
    strictEqual(l.socket.queuedBytes, 0);
  });

  it("answers within a turn of the kernel: small writes are not delayed", async () => {
    await using l = await join();
    l.far.onBytes = (bytes) => void l.far.raw.write(bytes);
    l.recorder.onBytes = (socket) => void socket.write(new Uint8Array(10));
    l.socket.resume();
    l.socket.write(new Uint8Array(10));
    let fastestMs = Number.POSITIVE_INFINITY;
    // Nagle and delayed acknowledgements together would cost 40 ms a turn, each time: a machine that stands still does not.
    for (let bytes = 200; bytes <= 600 && fastestMs >= 400; bytes += 200) {
      const started = performance.now();
      await l.recorder.untilBytes(bytes);
      fastestMs = Math.min(fastestMs, performance.now() - started);
    }
    ok(fastestMs < 400, `${fastestMs} ms`);
  });

  it("writes an empty chunk as nothing", async () => {
    await using l = await join();
    strictEqual(l.socket.write(new Uint8Array(0)), true);
    writePair(l.socket, new Uint8Array(0), new Uint8Array([65]));
    await l.far.untilBytes(1);
    strictEqual(l.far.text(), "A");
  });

  it("writes pairs and singles in order", async () => {
    await using l = await join();
    let expected = "";
    for (let i = 0; i < 300; i++) {
      const [a, b, c] = [`${i},`, `${"x".repeat(i)};`, `${i}\n`];
      expected += a + b + c;
      const encoder = new TextEncoder();
      writePair(l.socket, encoder.encode(a), encoder.encode(b));
      l.socket.write(encoder.encode(c));
    }
    await l.far.untilBytes(expected.length);
    strictEqual(l.far.text(), expected);
  });

  it("keeps the order of pairs and singles behind a full queue", async () => {
    await using l = await join();
    l.far.raw.pause();
    const bulk = patterned(8 * 1024 * 1024);
    l.socket.write(bulk.slice());
    writePair(l.socket, patterned(100), patterned(70_000));
    l.socket.write(patterned(3));
    writePair(l.socket, patterned(1), patterned(2));
    l.far.raw.resume();
    await l.far.untilBytes(bulk.length + 70_106);
    const whole = joinedChunks([bulk, patterned(100), patterned(70_000), patterned(3), patterned(1), patterned(2)]);
    strictEqual(sha(l.far.chunks), sha([whole]));
  });

  it("keeps a pair as it was where the kernel takes a part, whatever other sockets write", async () => {
    await using l = await join();
    await using other = await join();
    l.far.raw.pause();
    const expected: Uint8Array[] = [];
    let otherBytes = 0;
    for (let turn = 0, accepting = true; accepting && turn < 4000; turn++) {
      expected.push(patterned(turn % 200), patterned(15_000 + turn));
      accepting = writePair(l.socket, patterned(turn % 200), patterned(15_000 + turn));
      writePair(other.socket, new Uint8Array(100).fill(1), new Uint8Array(16_000).fill(2));
      otherBytes += 16_100;
      await other.far.untilBytes(otherBytes);
    }
    l.far.raw.resume();
    await l.far.untilBytes(joinedChunks(expected).length);
    strictEqual(sha(l.far.chunks), sha(expected));
  });

  it("stops at a full kernel, counts the queue, drains once", async () => {
    await using l = await join();
    l.far.raw.pause();
    let written = 0;
    let accepting = true;
    // Turns in between, because a runtime may learn only later what the kernel took.
    for (let turn = 0; accepting && turn < 4000; turn++) {
      accepting = l.socket.write(new Uint8Array(16384));
      written += 16384;
      if (!accepting) {
        await aMoment(20);
        accepting = l.recorder.events.splice(0).includes("drain");
      }
    }
    ok(!accepting, `still accepting after ${written} bytes`);
    ok(l.socket.queuedBytes >= HIGH_WATER_BYTES / 2, `queued ${l.socket.queuedBytes}`);
    ok(l.socket.queuedBytes <= HIGH_WATER_BYTES + 16384, `queued ${l.socket.queuedBytes}`);
    await aMoment();
    deepStrictEqual(l.recorder.events, []);
    l.far.raw.resume();
    await l.recorder.untilEvent("drain");
    ok(l.socket.queuedBytes <= HIGH_WATER_BYTES / 2);
    await l.far.untilBytes(written);
    await aMoment(10);
    deepStrictEqual(l.recorder.events, ["drain"]);
    strictEqual(l.socket.queuedBytes, 0);
  });

  it("does not drain when no write answered false", async () => {
    await using l = await join();
    for (let i = 0; i < 20; i++) strictEqual(l.socket.write(new Uint8Array(1000)), true);
    await l.far.untilBytes(20_000);
    await aMoment(10);
    deepStrictEqual(l.recorder.events, []);
  });

  it("reads nothing while paused, so the peer has to stop", async () => {
    await using l = await join();
    const piece = patterned(65536);
    let sent = 0;
    while (sent < BULK_BYTES && l.far.raw.writableLength < 1_000_000) {
      l.far.raw.write(piece);
      sent += piece.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    ok(sent < BULK_BYTES, "the kernel took everything: somebody reads");
    l.socket.resume();
    await l.recorder.untilBytes(sent);
    strictEqual(sha(l.recorder.chunks), sha(Array.from({ length: sent / piece.length }, () => piece)));
  });

  it("gives no data after pause, not even from the same turn", async () => {
    await using l = await join();
    let calls = 0;
    l.recorder.onBytes = (socket) => {
      calls += 1;
      socket.pause();
    };
    l.far.raw.write(new Uint8Array(1_000_000));
    l.socket.resume();
    await l.recorder.untilBytes(1);
    await aMoment();
    strictEqual(calls, 1);
    for (let turn = 2; turn < 5; turn++) {
      l.socket.resume();
      await l.recorder.until(`chunk ${turn}`, () => calls === turn);
      await aMoment(5);
      strictEqual(calls, turn);
    }
  });

  it("survives pausing and resuming within one turn", async () => {
    await using l = await join();
    l.recorder.onBytes = (socket) => {
      socket.pause();
      socket.resume();
      socket.pause();
      socket.resume();
      socket.resume();
    };
    l.socket.resume();
    l.far.raw.write(patterned(500_000));
    await l.recorder.untilBytes(500_000);
    strictEqual(sha(l.recorder.chunks), sha([patterned(500_000)]));
  });

  it("moves 32 MB both ways past a slow reader", async () => {
    await using l = await join();
    const piece = patterned(65536);
    const pieces = BULK_BYTES / piece.length;
    const expected = sha(Array.from({ length: pieces }, () => piece));
    const [near, far] = [createHash("sha1"), createHash("sha1")];
    let queuedMost = 0;
    let toWrite = pieces;
    const pump = () => {
      while (toWrite > 0) {
        toWrite -= 1;
        const accepted = l.socket.write(piece.slice());
        queuedMost = Math.max(queuedMost, l.socket.queuedBytes);
        if (!accepted) return;
      }
      l.socket.end();
    };
    l.recorder.onEvent = (_, name) => {
      if (name === "drain") pump();
    };
    l.recorder.onBytes = (socket, bytes) => {
      near.update(bytes);
      l.recorder.chunks.length = 0;
      if (Math.floor(l.recorder.receivedBytes / 2_000_000) === slept) return;
      slept += 1;
      socket.pause();
      setTimeout(() => socket.resume(), 3);
    };
    let slept = 0;
    l.far.onBytes = (bytes) => {
      far.update(bytes);
      l.far.chunks.length = 0;
    };
    l.socket.resume();
    pump();
    let toSend = pieces;
    const send = () => {
      while (toSend > 0) {
        toSend -= 1;
        if (!l.far.raw.write(piece)) return void l.far.raw.once("drain", send);
      }
      l.far.raw.end();
    };
    send();
    await Promise.all([l.far.untilEnded(), l.recorder.untilEvent("end")]);
    strictEqual(near.digest("hex"), expected);
    strictEqual(far.digest("hex"), expected);
    ok(queuedMost <= HIGH_WATER_BYTES + piece.length, `queued ${queuedMost}`);
  });

  it("never touches a chunk it handed out", async () => {
    await using l = await join();
    l.socket.resume();
    let sent = 0;
    for (const length of [1, 300, 4096, 5000, 65536, 70_000, 200_000, 100, 4096, 65536]) {
      l.far.raw.write(patterned(length));
      sent += length;
      await l.recorder.untilBytes(sent);
    }
    const copies = l.recorder.chunks.map((chunk) => chunk.slice());
    // Echoed views may be recycled by now; those that were kept may not.
    const echo = joinedChunks(l.recorder.chunks);
    l.socket.write(echo);
    l.far.raw.write(new Uint8Array(500_000).fill(255));
    await l.recorder.untilBytes(sent + 500_000);
    strictEqual(sha(l.recorder.chunks.slice(0, copies.length)), sha(copies));
  });

  it("leaves the rest of a chunk alone when a part of it is written back", async () => {
    await using l = await join();
    const kept: { part: Uint8Array; copy: Uint8Array }[] = [];
    l.recorder.onBytes = (socket, bytes) => {
      const part = bytes.subarray(bytes.length >> 1);
      kept.push({ part, copy: part.slice() });
      socket.write(bytes.subarray(0, bytes.length >> 1));
    };
    l.socket.resume();
    for (let round = 1; round <= 8; round++) {
      l.far.raw.write(new Uint8Array(300_000).fill(round));
      await l.recorder.untilBytes(300_000 * round);
      await aMoment(2);
    }
    for (const { part, copy } of kept) strictEqual(sha([part]), sha([copy]));
  });

  it("echoes exactly what came when each chunk is written back at once", async () => {
    await using l = await join();
    l.recorder.onBytes = (socket, bytes) => {
      if (!socket.write(bytes)) socket.pause();
    };
    l.recorder.onEvent = (socket, name) => {
      if (name === "drain") socket.resume();
    };
    l.socket.resume();
    const sent = patterned(6_000_000);
    l.far.raw.write(sent);
    await l.far.untilBytes(sent.length);
    strictEqual(sha(l.far.chunks), sha([sent]));
  });

  it("writes all parts of a chunk that is released before the kernel has them", async () => {
    await using l = await join();
    const expected: Uint8Array[] = [];
    l.recorder.onBytes = (socket, bytes, memory) => {
      const half = bytes.length >> 1;
      expected.push(patterned(10), new Uint8Array(bytes.subarray(1)));
      socket.writeMore(patterned(10), 0, 10);
      socket.writeRange(bytes, 1, half);
      const accepted = socket.write(bytes.subarray(half));
      socket.release(memory);
      if (!accepted) socket.pause();
    };
    l.recorder.onEvent = (socket, name) => {
      if (name === "drain") socket.resume();
    };
    l.far.raw.pause();
    l.socket.resume();
    l.far.raw.write(patterned(16_000_000));
    await aMoment();
    l.far.raw.resume();
    await l.recorder.untilBytes(16_000_000);
    await l.far.untilBytes(joinedChunks(expected).length);
    strictEqual(sha(l.far.chunks), sha(expected));
  });

  it("writes a small part of a chunk that is released at once", async () => {
    await using l = await join();
    const expected: Uint8Array[] = [];
    l.recorder.onBytes = (socket, bytes, memory) => {
      const end = Math.min(100, bytes.length);
      expected.push(new Uint8Array(bytes.subarray(0, end)));
      socket.writeRange(bytes, 0, end);
      socket.release(memory);
    };
    l.socket.resume();
    l.far.raw.write(patterned(4_000_000));
    await l.recorder.untilBytes(4_000_000);
    await l.far.untilBytes(joinedChunks(expected).length);
    strictEqual(sha(l.far.chunks), sha(expected));
  });

  it("gives the next event to the handler of the moment", async () => {
    await using l = await join();
    const { recorder } = l;
    const first: string[] = [];
    l.socket.handler = {
      onData: (socket) => {
        first.push("data");
        socket.handler = recorder;
      },
      onDrain: () => first.push("drain"),
      onEnd: () => first.push("end"),
      onClose: () => first.push("close"),
    };
    l.socket.resume();
    l.far.raw.end("x");
    await recorder.untilEvent("end");
    deepStrictEqual(first, ["data"]);
  });
}

/** Compared instead of the bytes, whose difference takes an assertion minutes to print. */
function sha(chunks: readonly Uint8Array[]): string {
  const hash = createHash("sha1");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}
