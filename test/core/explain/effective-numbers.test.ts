import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Limits, Timeouts } from "../../../core/config/number-schema.ts";
import { explain } from "../../../core/explain/explain.ts";
import { snapshotOf } from "./config.ts";

describe("numbers that hold for a request", () => {
  it("say who has set them", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      timeouts: { total: "30s", connect: "9s" },
      limits: { target: "4KiB" },
      upstreams: { app: { servers: ["10.0.0.1:80"], timeouts: { connect: "1s", firstByte: "2s" } } },
      routes: [{ upstream: "app", timeouts: { firstByte: "5s" }, limits: { requestBody: "1MiB" } }],
    });
    const { timeouts, limits } = explain(snapshot, { line: "GET /", fields: [] });
    const of = (name: string) => [...timeouts, ...limits].find((each) => each.name === name);
    assert.deepEqual(of("connect"), { name: "connect", value: 1_000, from: "upstream" });
    assert.deepEqual(of("firstByte"), { name: "firstByte", value: 5_000, from: "route" });
    assert.deepEqual(of("total"), { name: "total", value: 30_000, from: "configuration" });
    assert.deepEqual(of("responseIdle"), { name: "responseIdle", value: 60_000, from: "default" });
    assert.deepEqual(of("requestBody"), { name: "requestBody", value: 1_048_576, from: "route" });
    assert.deepEqual(of("target"), { name: "target", value: 4_096, from: "configuration" });
    // All are called as the configuration calls them.
    const keys = Object.keys((Limits as unknown as { entries: object }).entries).sort();
    assert.deepEqual(limits.map(({ name }) => name).sort(), keys);
    const known = Object.keys((Timeouts as unknown as { entries: object }).entries).sort();
    assert.deepEqual(timeouts.map(({ name }) => name).sort(), known);
  });
});
