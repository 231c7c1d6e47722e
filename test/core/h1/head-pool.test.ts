import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { giveHead, takeHead } from "../../../core/h1/head-pool.ts";
import type { Socket } from "../../../core/runtime.ts";
import { requestHead } from "../http/heads.ts";

function releasing(): { socket: Socket; released: Uint8Array[] } {
  const released: Uint8Array[] = [];
  return { socket: { release: (chunk: Uint8Array) => void released.push(chunk) } as unknown as Socket, released };
}

describe("heads not in use", () => {
  it("are given out again, cleared, one to each", () => {
    const used = requestHead("POST /x?y HTTP/1.0\nHost: a");
    giveHead(used, releasing().socket, false);
    const taken = takeHead();
    assert.equal(taken, used);
    assert.deepEqual([taken.fields.count, taken.minorVersion, taken.queryStart, taken.bodyLength], [0, 1, -1, 0]);
    assert.notEqual(takeHead(), taken);
  });

  it("give their chunk back, but for one that a pipelined request lies in", () => {
    const { socket, released } = releasing();
    const chunk = new Uint8Array(100);
    const used = requestHead("GET / HTTP/1.1\nHost: a");
    giveHead(used, socket, false);
    assert.deepEqual(released, []);
    used.chunk = chunk;
    giveHead(used, socket, true);
    assert.deepEqual(released, []);
    used.chunk = chunk;
    giveHead(used, socket, false);
    assert.equal(released[0], chunk);
    assert.equal(used.chunk, null);
  });

  it("are kept up to a limit", () => {
    const heads = Array.from({ length: 300 }, () => takeHead());
    for (const head of heads) giveHead(head, releasing().socket, false);
    const again = new Set(Array.from({ length: 300 }, () => takeHead()));
    assert.equal(heads.filter((head) => again.has(head)).length, 256);
  });
});
