import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { giveCycle, takeCycle } from "../../../core/h1/cycle.ts";
import type { ResponseHandler } from "../../../core/http/wire.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";

describe("cycles not in use", () => {
  it("are given out again, one to each, the last one first, with nothing of what was", () => {
    const slab = new Slab();
    const [first, second] = [takeCycle(new RecordingSocket(), slab), takeCycle(new RecordingSocket(), slab)];
    first.hasHeard = true;
    first.interims = 2;
    first.handler = {} as ResponseHandler;
    first.head.status = 200;
    giveCycle(second, new RecordingSocket());
    giveCycle(first, new RecordingSocket());
    const taken = takeCycle(new RecordingSocket(), slab);
    assert.equal(taken, first);
    assert.deepEqual([taken.hasHeard, taken.interims, taken.handler, taken.head.status], [false, 0, null, 0]);
    assert.equal(takeCycle(new RecordingSocket(), slab), second);
  });

  it("send to the socket they were taken for", () => {
    const [before, now] = [new RecordingSocket(), new RecordingSocket()];
    const used = takeCycle(before, new Slab());
    giveCycle(used, before);
    const taken = takeCycle(now, new Slab());
    assert.equal(taken, used);
    taken.sender.body(new Uint8Array([65]), 0, 1);
    taken.sender.flush();
    assert.deepEqual([before.calls, now.calls], [[], ["A"]]);
  });

  it("give back the chunk their head lay in", () => {
    const released: Uint8Array[] = [];
    const socket = Object.assign(new RecordingSocket(), { release: (chunk: Uint8Array) => void released.push(chunk) });
    const used = takeCycle(socket, new Slab());
    used.headChunk = new Uint8Array(100);
    const { headChunk } = used;
    giveCycle(used, socket);
    assert.deepEqual(released, [headChunk]);
    assert.equal(used.headChunk, null);
  });

  it("are kept up to a limit", () => {
    const socket = new RecordingSocket();
    const cycles = Array.from({ length: 300 }, () => takeCycle(socket, new Slab()));
    for (const cycle of cycles) giveCycle(cycle, socket);
    const again = new Set(Array.from({ length: 300 }, () => takeCycle(socket, new Slab())));
    assert.equal(cycles.filter((cycle) => again.has(cycle)).length, 256);
  });
});
