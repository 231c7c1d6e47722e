import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { STREAM_AHEAD_BYTES_MAX } from "../../../core/limits.ts";
import { BodySource } from "../../../core/script/body-source.ts";
import { turns } from "./streams.ts";

function sourceWith() {
  const told: string[] = [];
  const source = new BodySource({
    onBodyWanted: () => void told.push("wanted"),
    onBodyUnwanted: (reason) => void told.push(`unwanted ${reason}`),
  });
  return { source, told };
}

const bytes = (length: number, fill = 0) => new Uint8Array(length).fill(fill);

describe("a source", () => {
  it("asks for nothing before somebody reads", async () => {
    const { source, told } = sourceWith();
    await turns();
    assert.deepEqual(told, []);
    const reader = source.stream.getReader();
    const read = reader.read();
    await turns();
    assert.deepEqual(told, ["wanted"]);
    assert.ok(source.push(bytes(3, 7)));
    assert.deepEqual((await read).value, bytes(3, 7));
    source.end();
    assert.ok((await reader.read()).done);
  });

  it("keeps what comes early, says when that is enough, and when it is not any more", async () => {
    const { source, told } = sourceWith();
    assert.ok(source.push(bytes(STREAM_AHEAD_BYTES_MAX - 1, 1)));
    assert.ok(!source.push(bytes(1, 2)));
    assert.ok(!source.push(bytes(1, 3)));
    const reader = source.stream.getReader();
    assert.equal((await reader.read()).value?.[0], 1);
    assert.deepEqual(told, ["wanted"]);
    source.end();
    assert.equal((await reader.read()).value?.[0], 2);
    assert.equal((await reader.read()).value?.[0], 3);
    assert.ok((await reader.read()).done);
    assert.deepEqual(told, ["wanted"], "what has ended is not asked for more");
  });

  it("fails readers that wait, and those that come later", async () => {
    const { source } = sourceWith();
    const reader = source.stream.getReader();
    const read = reader.read();
    await turns();
    source.push(bytes(1));
    source.push(bytes(1));
    source.fail(new Error("cut"));
    await read;
    await assert.rejects(reader.read(), /cut/);
    assert.ok(source.isOver);
  });

  it("tells that nobody reads any more, and takes what still comes", async () => {
    const { source, told } = sourceWith();
    await source.stream.cancel("enough");
    assert.deepEqual(told, ["unwanted enough"]);
    for (let i = 0; i < 10; i++) assert.ok(source.push(bytes(STREAM_AHEAD_BYTES_MAX)));
    source.end();
    source.fail(new Error("late"));
  });

  it("is wanted by nobody any more once it has ended, however it ends", async () => {
    const ends: ((source: BodySource) => void)[] = [
      (source) => source.end(),
      (source) => source.fail("gone"),
      (source) => void source.takeBack("gone"),
    ];
    for (const end of ends) {
      const { source } = sourceWith();
      const read = source.stream.getReader().read();
      read.catch(() => {});
      await turns();
      assert.ok(source.isWanted);
      end(source);
      assert.ok(!source.isWanted);
    }
    const { source } = sourceWith();
    const reader = source.stream.getReader();
    const read = reader.read();
    await turns();
    await reader.cancel();
    assert.ok((await read).done && !source.isWanted);
  });

  it("serves several readers one after the other, and reads that overlap", async () => {
    const { source } = sourceWith();
    const reader = source.stream.getReader();
    const reads = [reader.read(), reader.read()];
    await turns();
    source.push(bytes(1, 1));
    await turns();
    source.push(bytes(1, 2));
    source.end();
    const values = (await Promise.all(reads)).map(({ value }) => value?.[0]);
    assert.deepEqual(values, [1, 2]);
    assert.ok((await reader.read()).done);
  });
});
