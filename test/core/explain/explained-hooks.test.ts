import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { explain } from "../../../core/explain/explain.ts";
import { describeHooks } from "../../../core/explain/explained-hooks.ts";
import type { HookKind } from "../../../core/script/hooks.ts";
import { testProxy } from "../../../testing/mod.ts";
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
      upstreams: { app: { servers: ["10.0.0.1:80"] }, found: { servers: ["app.internal:80"] } },
      hooks: all,
      routes: [
        { id: "found", match: { path: "/found" }, upstream: "found" },
        { id: "r", match: { path: "/r" }, upstream: "app", hooks: { ...all, decide: { run, fallback: "ignore" } } },
      ],
    });
    const names = (line: string, fields: [string, string][] = []) =>
      explain(snapshot, { line, fields }).hooks.map(({ name }) => name.replace("hooks.", "all."));
    assert.deepEqual(names("PUT /r", [["Content-Length", "1"]]), [
      "all.onRequest",
      "routes.r.onRequest",
      "routes.r.decide",
      "all.transformRequestBody",
      "routes.r.transformRequestBody",
      "routes.r.onAttempt",
      "routes.r.onResponse",
      "all.onResponse",
      "routes.r.transformResponseBody",
      "all.transformResponseBody",
      "routes.r.onFinish",
      "all.onFinish",
    ]);
    assert.deepEqual(names("GET /none"), ["all.onRequest", "all.onFinish"]);
    assert.ok(names("GET /found").includes("all.onAttempt"), "nobody has looked for its servers");
    assert.deepEqual(describeHooks(null, null, "server", true), []);
  });

  const KINDS: readonly HookKind[] = [
    "onRequest",
    "decide",
    "onAttempt",
    "transformRequestBody",
    "onResponse",
    "transformResponseBody",
    "onFinish",
  ];
  const VIA = Array(10).fill("1.1 millrace").join(", ");

  for (const [what, line, headers] of [
    ["goes to an upstream", "POST /upstream", {}],
    ["goes where code says", "POST /target", {}],
    ["has no body", "GET /upstream", {}],
    ["no server may be asked for", "POST /nobody", {}],
    ["a program answers", "POST /mount", {}],
    ["is redirected", "POST /redirect", {}],
    ["is answered", "POST /respond", {}],
    ["no route takes", "POST /none", {}],
    ["has a path that is refused", "POST /%zz", {}],
    ["has a path that may not be sent", "POST /strip/.", {}],
    ["has a body that is too large", "POST /small", {}],
    ["goes in circles", "POST /upstream", { Via: VIA }],
    ["has a head that is refused", "POST /upstream", { "X A": "1" }],
    ["has fields that are refused", "POST /upstream", { Host: ["a", "b"] }],
  ] as const) {
    it(`are those that run for a request that ${what}`, async () => {
      const told = new Set<string>();
      const hooksOf = (place: string) =>
        Object.fromEntries(KINDS.map((kind) => [kind, () => void told.add(`${place}.${kind}`)]));
      const hooked = (id: string, action: object) => ({
        id,
        match: { path: [`/${id}`, `/${id}/*`] },
        hooks: hooksOf(`routes.${id}`),
        ...action,
      });
      const config = {
        listeners: [":80"],
        upstreams: {
          app: { servers: ["10.0.0.1:80"] },
          nobody: { servers: [{ address: "10.0.0.2:80", state: "maintenance" }] },
        },
        hooks: hooksOf("hooks"),
        routes: [
          hooked("upstream", { upstream: "app" }),
          hooked("nobody", { upstream: "nobody" }),
          hooked("target", {
            target: () => {
              told.add("routes.target.target");
              return "app";
            },
          }),
          hooked("mount", { mount: () => new Response("mounted") }),
          hooked("redirect", { redirect: { to: "/new" } }),
          hooked("respond", { respond: { body: "hello" } }),
          hooked("strip", { upstream: "app", rewrite: { path: "/${request.path}/../%zz" } }),
          hooked("small", { upstream: "app", limits: { requestBody: "1B" } }),
        ],
      };
      await using proxy = await testProxy(config as never);
      const hasBody = line.startsWith("POST");
      const response = await proxy.request(line, hasBody ? { headers, body: "hello" } : { headers });
      const framing = hasBody ? [["Content-Length", "5"]] : [];
      const fields = [...Object.entries(headers), ...framing].flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name as string, one as string]),
      );
      const explained = explain(snapshotOf(config), { line, fields });
      const otherwise = explained.upstream?.chosen === null ? "upstream.no-server" : "";
      assert.equal(explained.refused?.code ?? otherwise, response.fault);
      assert.deepEqual(
        explained.hooks.map(({ name }) => name),
        [...told],
      );
    });
  }
});
