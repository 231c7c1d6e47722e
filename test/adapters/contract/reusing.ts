import { ok, strictEqual } from "node:assert/strict";
import { it } from "@std/testing/bdd";
import type { Runtime } from "../../../core/runtime.ts";
import { type Link, patterned } from "./link.ts";
import { aMoment } from "./recorder.ts";

/** More than the kernel takes on loopback, whatever its buffers grow to. */
const BULK_BYTES = 32 * 1024 * 1024;

const CHUNK_BYTES = 256 * 1024;
const CHUNKS = 64;

/** Memory that was written may be used again as soon as `isWritten` says so, and not before. */
export function reusing(runtime: Runtime, join: () => Promise<Link>): void {
  it("sends what was written, though the memory is used again as soon as it may be", async () => {
    await using l = await join();
    const memory = new Uint8Array(1000);
    let expected = "";
    for (let i = 0; i < 200; i++) {
      while (!runtime.isWritten(memory)) await new Promise((resolve) => setTimeout(resolve, 0));
      const letter = String.fromCharCode(0x41 + (i % 26));
      memory.fill(letter.charCodeAt(0));
      if (i % 3 === 0) l.socket.write(memory.subarray(0, 600));
      else if (i % 3 === 1) l.socket.writeRange(memory, 100, 700);
      else {
        l.socket.writeMore(memory, 0, 300);
        l.socket.writeRange(memory, 500, 800);
      }
      expected += letter.repeat(600);
    }
    memory.fill(0x2e, 0, runtime.isWritten(memory) ? 1000 : 0);
    await l.far.untilBytes(expected.length);
    strictEqual(l.far.text(), expected);
  });

  it("keeps memory back while the kernel has not taken all of it", async () => {
    await using l = await join();
    l.far.raw.pause();
    const memory = patterned(BULK_BYTES);
    l.socket.writeRange(memory, 0, BULK_BYTES);
    await aMoment();
    ok(!runtime.isWritten(memory));
    ok(runtime.isWritten(new Uint8Array(10)), "what was never written is free");
    l.far.raw.resume();
    await l.far.untilBytes(BULK_BYTES);
  });

  it("sends what nobody else refers to any more, though the collector has run meanwhile", async () => {
    await using l = await join();
    l.far.raw.pause();
    for (let i = 0; i < CHUNKS; i++) l.socket.write(new Uint8Array(CHUNK_BYTES).fill(i));
    let rubbish: Uint8Array[] = [];
    for (let i = 0; i < 600; i++) {
      if (i % 50 === 0) rubbish = [];
      rubbish.push(new Uint8Array(CHUNK_BYTES).fill(0xff));
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    l.far.raw.resume();
    await l.far.untilBytes(CHUNKS * CHUNK_BYTES);
    let at = 0;
    for (const bytes of l.far.chunks) {
      ok(bytes.every((byte) => byte === Math.floor(at++ / CHUNK_BYTES)));
    }
  });
}
