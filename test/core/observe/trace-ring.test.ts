import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as fault from "../../../core/fault.ts";
import type { Trace } from "../../../core/observe/trace.ts";
import { TraceRing } from "../../../core/observe/trace-ring.ts";
import { traceOf } from "./traces.ts";

const failed = (id: string, changes: Partial<Trace> = {}): Trace =>
  traceOf(id, { kept: "failed", status: 502, fault: fault.CONNECT_REFUSED, ...changes });
const idsIn = (ring: TraceRing): string[] => ring.list().map(({ requestId }) => requestId);

describe("the ring of traces", () => {
  it("finds a trace by its request id, and lists the newest first", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 10 });
    for (const id of ["a", "b", "c"]) ring.keep(traceOf(id));
    ring.keep(failed("d"));
    assert.equal(ring.find("b")?.requestId, "b");
    assert.equal(ring.find("x"), null);
    assert.deepEqual(idsIn(ring), ["d", "c", "b", "a"]);
    assert.deepEqual(
      [ring.list({ failed: true }), ring.list({ failed: false, limit: 2 })].map((list) => list.map((t) => t.requestId)),
      [["d"], ["c", "b"]],
    );
  });

  it("keeps so many: the oldest of a kind make room for the newest", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 3 });
    for (const id of ["a", "b", "c", "d"]) ring.keep(traceOf(id));
    assert.deepEqual(idsIn(ring), ["d", "c", "b"]);
    assert.equal(ring.find("a"), null);
  });

  it("keeps so many bytes", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 1_000 }, 10_000);
    for (let i = 0; i < 100; i++) ring.keep(traceOf(`${i}`, { path: "x".repeat(1_000) }));
    assert.ok(ring.count >= 4 && ring.count <= 5, `${ring.count}`);
    ring.keep(traceOf("small"));
    assert.notEqual(ring.find("small"), null);
    ring.keep(traceOf("large", { path: "x".repeat(10_000) }));
    assert.equal(ring.find("large"), null, "one that is larger than all may be");
  });

  it("lets a flood of one kind push out itself only", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 40 });
    const others = ["sampled", "timeout", "refused"];
    for (let i = 0; i < 10; i++) {
      ring.keep(traceOf(`sampled ${i}`));
      ring.keep(failed(`timeout ${i}`, { fault: fault.FIRST_BYTE_TIMEOUT, status: 504 }));
      ring.keep(failed(`refused ${i}`, { upstream: "other" }));
    }
    for (let i = 0; i < 1_000; i++) ring.keep(failed(`flood ${i}`));
    const left = others.map((kind) => idsIn(ring).filter((id) => id.startsWith(kind)).length);
    assert.deepEqual(left, [10, 10, 10]);
    assert.equal(ring.count, 40);
    assert.notEqual(ring.find("flood 999"), null);
  });

  it("takes all that clients may do wrong for one kind", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 20 });
    for (let i = 0; i < 10; i++) ring.keep(failed(`server ${i}`));
    const wrongs = [fault.CLIENT_CLOSED, fault.NO_ROUTE, fault.CLIENT_RESET, fault.LOOP, fault.CLIENT_HEAD_TIMEOUT];
    for (let i = 0; i < 100; i++)
      ring.keep(failed(`client ${i}`, { fault: wrongs[i % wrongs.length]!, upstream: `${i}` }));
    assert.equal(ring.list().filter(({ requestId }) => requestId.startsWith("server")).length, 10);
  });

  it("makes room where most are when a new kind comes", () => {
    const ring = new TraceRing({ sampleShare: 0, keep: 4 });
    ring.keep(failed("only"));
    for (const id of ["a", "b", "c"]) ring.keep(traceOf(id));
    ring.keep(failed("new", { upstream: "other" }));
    assert.deepEqual(idsIn(ring), ["new", "c", "b", "only"]);
  });

  it("samples every so many requests, without dice", () => {
    const ring = new TraceRing({ sampleShare: 0.01, keep: 1 });
    const sampled = (count: number): number[] =>
      Array.from({ length: count }, (_each, i) => i + 1).filter(() => ring.samplesNext());
    assert.deepEqual(sampled(300), [100, 200, 300]);
    ring.goBy({ sampleShare: 0.4, keep: 1 });
    assert.deepEqual(sampled(10), [3, 5, 8, 10]);
    ring.goBy({ sampleShare: 1, keep: 1 });
    assert.equal(sampled(10).length, 10);
    ring.goBy({ sampleShare: 0, keep: 1 });
    assert.equal(sampled(1_000).length, 0);
  });

  it("goes by other rules at once, and keeps what it may", () => {
    const ring = new TraceRing({ sampleShare: 1, keep: 10 });
    for (const id of ["a", "b", "c"]) ring.keep(traceOf(id));
    ring.goBy({ sampleShare: 1, keep: 2 });
    assert.deepEqual(idsIn(ring), ["c", "b"]);
    ring.goBy({ sampleShare: 1, keep: 0 });
    assert.deepEqual([ring.isOn, ring.samplesNext(), ring.count], [false, false, 0]);
    ring.keep(traceOf("d"));
    assert.equal(ring.count, 0);
    ring.goBy({ sampleShare: 1, keep: 1 });
    ring.keep(traceOf("e"));
    assert.deepEqual(idsIn(ring), ["e"]);
  });
});
