import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LineWriter, patient } from "../../cli/line-writer.ts";

/** A reader that takes a write only when told to. */
function slowReader() {
  const waiting: (() => void)[] = [];
  const decoder = new TextDecoder();
  const state = { text: "", writes: 0 };
  const sink = (bytes: Uint8Array) => {
    state.writes++;
    state.text += decoder.decode(bytes);
    return new Promise<number>((resolve) => waiting.push(() => resolve(bytes.length)));
  };
  const take = async () => {
    waiting.shift()?.();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { sink, take, state };
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

describe("lines", () => {
  it("of one turn go out in one write", async () => {
    const reader = slowReader();
    const writer = new LineWriter(reader.sink);
    for (const line of ["a", "b", "c"]) writer.write(line);
    await settle();
    assert.deepEqual(reader.state, { text: "a\nb\nc\n", writes: 1 });
  });

  it("that are a result wait on Deno for a pipe that is full", { ignore: !("Deno" in globalThis) }, async () => {
    const lengths: number[] = [];
    let isFull = false;
    const pipe = patient((bytes) => {
      isFull = !isFull;
      if (isFull)
        return Promise.reject(Object.assign(new Error("Resource temporarily unavailable"), { name: "WouldBlock" }));
      lengths.push(bytes.length);
      return Promise.resolve(bytes.length);
    });
    const writer = new LineWriter(pipe, Number.POSITIVE_INFINITY, null);
    writer.write("x".repeat(9_999));
    await writer.flush();
    assert.deepEqual([lengths, writer.failure], [[4_096, 4_096, 1_808], null]);
  });

  it("that are a result are given up when they can't be written, and say why", async () => {
    let tries = 0;
    const full = () => Promise.reject(Object.assign(new Error(`no space left ${++tries}`), { code: "ENOSPC" }));
    const writer = new LineWriter(full, Number.POSITIVE_INFINITY, null);
    writer.write("a");
    await writer.flush();
    writer.write("b");
    await writer.flush();
    assert.equal(writer.failure, "no space left 1");
    const gone = () => Promise.reject(Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    const unread = new LineWriter(gone, Number.POSITIVE_INFINITY, null);
    unread.write("a");
    await unread.flush();
    assert.equal(unread.failure, null);
  });

  it("that are a result are not dropped, and waited for until they are read", async () => {
    const reader = slowReader();
    const writer = new LineWriter(reader.sink, Number.POSITIVE_INFINITY);
    const line = "x".repeat(1024 * 1024);
    for (let count = 0; count < 6; count++) writer.write(line);
    let isRead = false;
    const flushed = writer.flush().then(() => {
      isRead = true;
    });
    await settle();
    assert.equal(isRead, false);
    await reader.take();
    await flushed;
    assert.equal(reader.state.text.length, 6 * (line.length + 1));
    await writer.flush();
  });

  it("A16: beyond the bound are dropped and counted, and it goes on when somebody reads", async () => {
    const reader = slowReader();
    const writer = new LineWriter(reader.sink, 100);
    writer.write("first");
    await settle();
    for (let count = 0; count < 20; count++) writer.write("123456789");
    assert.equal(writer.dropped, 20 - 10, "ten lines of ten bytes are a hundred");
    await reader.take();
    assert.equal(
      reader.state.text,
      `first\n${"123456789\n".repeat(10)}millrace: 10 log lines dropped, nobody read them in time\n`,
    );
    await reader.take();
    writer.write("last");
    await settle();
    assert.match(reader.state.text, /last\n$/);
    assert.equal(reader.state.writes, 3);
  });

  it("A17: nobody there to read is no error", async () => {
    let tries = 0;
    const writer = new LineWriter(() => {
      tries++;
      return Promise.reject(Object.assign(new Error("nobody reads"), { code: "EPIPE" }));
    });
    writer.write("a");
    await settle();
    writer.write("b");
    await writer.flush(1_000);
    assert.equal(writer.dropped, 0);
    assert.equal(tries, 1);
  });

  it("A16: wait while the disk is full, each byte once, and what was too much is counted exactly", async () => {
    let text = "";
    let room = 4;
    const decoder = new TextDecoder();
    const sink = (bytes: Uint8Array): Promise<number> => {
      const taken = Math.min(room, bytes.length);
      room -= taken;
      text += decoder.decode(bytes.subarray(0, taken));
      return taken > 0 ? Promise.resolve(taken) : Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
    };
    const writer = new LineWriter(sink, 20, 1);
    writer.write("first");
    await settle();
    for (let count = 0; count < 5; count++) writer.write("123456789");
    assert.equal(text, "firs");
    assert.equal(writer.dropped, 3);
    room = 1_000;
    await writer.flush(4_000);
    assert.equal(text, "first\n123456789\n123456789\nmillrace: 3 log lines dropped, nobody read them in time\n");
  });

  it("can be waited for, but not for ever", async () => {
    const reader = slowReader();
    const writer = new LineWriter(reader.sink);
    await writer.flush(60_000);
    writer.write("a");
    await writer.flush(1);
    const flushed = writer.flush(60_000);
    await settle();
    await reader.take();
    await flushed;
  });
});
