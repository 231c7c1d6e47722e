import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { differences, differenceText } from "../../../core/explain/differences.ts";
import { explain } from "../../../core/explain/explain.ts";
import { CONFIG, snapshotOf } from "./config.ts";

const asked = { line: "GET http://a.example/api/x", fields: [] };

describe("what is different for a request", () => {
  it("is nothing between the same, or where other routes changed", () => {
    const before = explain(snapshotOf(), asked);
    assert.deepEqual(differences(before, explain(snapshotOf(), asked)), []);
    const more = { ...CONFIG, routes: [{ id: "first", match: { path: "/first" }, respond: {} }, ...CONFIG.routes] };
    assert.deepEqual(differences(before, explain(snapshotOf(more), asked)), []);
  });

  it("is seen in whatever the client or the tries would notice", () => {
    const configOf = (over: { upstream?: object; body?: string; contentType?: string; set?: object } = {}) => ({
      listeners: [":80"],
      upstreams: { app: { servers: ["10.0.0.1:80", "10.0.0.2:80"], ...over.upstream } },
      routes: [
        {
          id: "r",
          match: { path: "/r" },
          respond: { body: over.body ?? "one", contentType: over.contentType ?? "a/b" },
        },
        { id: "app", upstream: "app", response: { set: over.set ?? { "X-A": "1" } } },
      ],
    });
    const changed = (over: object, path = "/", method = "GET") => {
      const [before, after] = [configOf(), configOf(over)].map((config) =>
        explain(snapshotOf(config), { line: `${method} ${path}`, fields: [] }),
      );
      return differences(before!, after!).map(differenceText);
    };
    const hedge = { after: "200ms" };
    const retries = { perTryTimeout: "1s", on: ["connect", "broken", 502, 503, 504] };
    assert.ok(changed({ upstream: { hedge } }).includes("  + timeouts[hedge].value: 200"));
    assert.deepEqual(changed({ upstream: { hedge } }, "/", "POST"), []); // which is never hedged
    assert.ok(changed({ upstream: { retries } }).includes("  + timeouts[perTry].value: 1000"));
    assert.deepEqual(changed({ body: "two" }, "/r"), ["  ~ body: one -> two"]);
    assert.deepEqual(changed({ contentType: "c/d" }, "/r"), ["  ~ contentType: a/b -> c/d"]);
    assert.deepEqual(changed({ set: { "X-A": "2" } }), ["  ~ responseEdits[set X-A]: 1 -> 2"]);
    assert.deepEqual(changed({ set: { "X-A": "2" } }, "/r"), []);
  });

  it("is seen in each of several fields of one name, and not in the line a function has moved to", () => {
    const before = explain(snapshotOf(), {
      line: "GET http://a.example/api/x",
      fields: [
        ["A", "1"],
        ["A", "2"],
      ],
    });
    const fields = before.sent!.fields.map((field) => (field === "A: 1" ? "A: 3" : field));
    const after = { ...before, sent: { ...before.sent!, fields } };
    assert.deepEqual(differences(before, after), [{ what: "sent.fields[A]", before: "1", after: "3" }]);
    const at = (source: string) => ({ ...before, hooks: before.hooks.map((hook) => ({ ...hook, source })) });
    assert.deepEqual(differences(at("hooks.ts:3"), at("hooks.ts:5")), []);
    assert.equal(differences(at("hooks.ts:3"), at("other.ts:3")).length, 1);
  });

  it("is not the server that a draw has led to", () => {
    const by = (...servers: string[]) =>
      explain(snapshotOf({ listeners: [":80"], upstreams: { app: { servers } }, routes: [{ upstream: "app" }] }), {
        line: "GET /",
        fields: [],
      });
    const [one, two] = [by("10.0.0.1:80", "10.0.0.2:80"), by("10.0.0.2:80", "10.0.0.1:80")];
    assert.notEqual(one.upstream?.chosen, two.upstream?.chosen);
    assert.deepEqual(differences(one, two), []);
    assert.ok(differences(by("10.0.0.1:80"), by("10.0.0.2:80")).some(({ what }) => what === "upstream.chosen"));
  });

  it("is named by what it is about", () => {
    const [api, ...rest] = CONFIG.routes;
    const { rewrite: _, ...kept } = api!;
    const changed = { ...CONFIG, routes: [{ ...kept, host: "inner", request: { set: { "X-New": "1" } } }, ...rest] };
    const found = differences(explain(snapshotOf(), asked), explain(snapshotOf(changed), asked));
    const texts = found.map(differenceText);
    assert.ok(texts.includes("  ~ sent.line: GET /x HTTP/1.1 -> GET /api/x HTTP/1.1"), texts.join("\n"));
    assert.ok(texts.includes("  ~ sent.fields[Host]: a.example -> inner"), texts.join("\n"));
    assert.ok(texts.includes("  + sent.fields[X-New]: 1"), texts.join("\n"));
    assert.equal(differenceText({ what: "x", before: "1", after: null }), "  - x: 1");
  });
});
