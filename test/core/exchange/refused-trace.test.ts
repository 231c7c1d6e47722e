import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { refusedTrace } from "../../../core/exchange/refused-trace.ts";
import * as fault from "../../../core/fault.ts";

function pathOf(target: string): string {
  const about = { listener: "main", clientAddress: "192.0.2.1", method: "GET", requestId: "r", fault: fault.LOOP };
  const trace = refusedTrace({ kind: "refused", target, ...about }, 5);
  assert.deepEqual([trace.requestId, trace.kept, trace.status, trace.atMs], ["r", "failed", 508, 5]);
  return trace.path;
}

describe("the trace of what was no request", () => {
  it("has the path, and nothing that may be a secret", () => {
    assert.equal(pathOf("/a/b"), "/a/b");
    assert.equal(pathOf("/a?key=secret"), "/a");
    assert.equal(pathOf("/a#secret"), "/a");
    assert.equal(pathOf("/a\n?secret\nsecret"), "/a\n");
    assert.equal(pathOf("http://me:secret@host/a@b"), "/a@b");
    assert.equal(pathOf("http://me:secret@host"), "");
    assert.equal(pathOf("me:secret@host:443"), "host:443");
    assert.equal(pathOf(""), "");
  });

  it("is short", () => {
    assert.equal(pathOf(`/${"x".repeat(20_000)}`).length, 512);
  });
});
