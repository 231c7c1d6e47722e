import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { explain } from "../../../core/explain/explain.ts";
import { describeHooks } from "../../../core/explain/explained-hooks.ts";
import { snapshotOf } from "./config.ts";

const run = () => undefined;

describe("hooks of an explanation", () => {
  it("stand in the order they run, those of all around those of the route", () => {
    const all = {
      onRequest: run,
      onAttempt: run,
      transformRequestBody: run,
      onResponse: run,
      transformResponseBody: run,
      onFinish: run,
    };
    const snapshot = snapshotOf({
      listeners: [":80"],
      upstreams: { app: { servers: ["10.0.0.1:80"] } },
      hooks: all,
      routes: [
        { id: "r", match: { path: "/r" }, upstream: "app", hooks: { ...all, decide: { run, fallback: "ignore" } } },
      ],
    });
    const names = (line: string) =>
      explain(snapshot, { line, fields: [] }).hooks.map(({ name }) => name.replace("hooks.", "all."));
    assert.deepEqual(names("GET /r"), [
      "all.onRequest",
      "routes.r.onRequest",
      "routes.r.decide",
      "routes.r.onAttempt",
      "all.transformRequestBody",
      "routes.r.transformRequestBody",
      "routes.r.onResponse",
      "all.onResponse",
      "routes.r.transformResponseBody",
      "all.transformResponseBody",
      "routes.r.onFinish",
      "all.onFinish",
    ]);
    assert.deepEqual(names("GET /none"), ["all.onRequest", "all.onFinish"]);
    assert.deepEqual(describeHooks(null, null), []);
  });
});
