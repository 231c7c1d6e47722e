import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import { Explainer, type ExplainTools, explain } from "../../../core/explain/explain.ts";
import type { ExplainedUpstream } from "../../../core/explain/explained-upstream.ts";
import { testProxy } from "../../../testing/test-proxy.ts";
import type { Failure } from "../../../testing/test-server.ts";
import { snapshotOf } from "./config.ts";

const hmacSha256 = (key: Uint8Array, data: Uint8Array) =>
  new Uint8Array(createHmac("sha256", key).update(data).digest());

const two = ["10.0.0.1:80", "10.0.0.2:80"];
const configOf = (upstream: object) => ({
  listeners: [":80"],
  upstreams: { app: { servers: two, ...upstream } },
  routes: [{ id: "app", upstream: "app" }],
});

function upstreamOf(upstream: object, line = "GET /", tools: ExplainTools = {}, cookie = ""): ExplainedUpstream {
  const fields: [string, string][] = cookie === "" ? [] : [["Cookie", cookie]];
  return explain(snapshotOf(configOf(upstream)), { line, fields }, tools).upstream!;
}

describe("the server that comes first", () => {
  it("is drawn by chance, or certain", () => {
    const drains = [two[0], { address: two[1], state: "drain" }];
    const spills = [
      { address: "10.0.0.1:80", priority: 0 },
      { address: "10.0.0.2:80", priority: 0, state: "maintenance" },
      { address: "10.0.0.3:80", priority: 1 },
    ];
    for (const [upstream, isByChance] of [
      [{}, true],
      [{ balance: "random" }, true],
      [{ balance: "peak-ewma" }, true],
      [{ balance: "round-robin" }, false],
      [{ balance: { hash: "path" } }, false],
      [{ balance: { hash: "header:x-none" } }, true],
      [{ balance: "random", servers: [two[0]] }, false],
      [{ balance: "random", servers: drains }, false],
      // Which priority serves is drawn, too.
      [{ balance: "round-robin", servers: spills }, true],
    ] as const)
      assert.equal(upstreamOf(upstream).isByChance, isByChance, JSON.stringify(upstream));
  });

  it("is chosen by all that is said of hashing, which moves keys whether or not this one's", () => {
    for (const [hash, told] of [
      [{ hash: "path" }, "hash of path (auto)"],
      [{ hash: "header:X-User", method: "ring" }, "hash of header x-user (ring)"],
      [{ hash: "path", method: "maglev", boundedLoad: 1.25 }, "hash of path (maglev, bounded load 1.25)"],
    ] as const)
      assert.equal(upstreamOf({ balance: hash }).balance, told);
  });

  it("is explained for each request as if it were the first", () => {
    const explainer = new Explainer(snapshotOf(configOf({ balance: "round-robin" })));
    const chosen = [1, 2, 3].map(() => explainer.explain({ line: "GET /", fields: [] }).upstream?.chosen);
    assert.deepEqual(chosen, [two[0], two[0], two[0]]);
  });

  it("may be one of a lower priority where that is drawn", () => {
    const servers = [
      { address: "10.0.0.1:80" },
      { address: "10.0.0.2:80", state: "maintenance" },
      { address: "10.0.0.3:80", priority: 1 },
      { address: "10.0.0.4:80", priority: 2 },
      { address: "10.0.0.5:80", backup: true },
    ];
    assert.deepEqual(
      upstreamOf({ servers }).servers.map(({ skipped }) => skipped.replace(/:.*/, "")),
      ["", "maintenance", "", "lower-priority", "backup"],
    );
  });

  it("has reasons why the others don't, however many they are", () => {
    const servers = Array.from({ length: 300 }, (_, i) => ({ address: `10.0.1.${i % 250}:${80 + i}`, state: "drain" }));
    const upstream = upstreamOf({ servers: [...servers, two[0]] });
    assert.equal(upstream.servers.filter(({ skipped }) => skipped.startsWith("drain: ")).length, 300);
  });
});

describe("further tries", () => {
  it("follow what they follow in the running proxy", async () => {
    const transform = { hooks: { transformRequestBody: (body: unknown) => body } };
    for (const [line, body, options] of [
      ["PUT /", "", {}],
      ["PUT /", "x".repeat(1024), {}],
      ["PUT /", "x".repeat(1025), {}],
      ["PUT /", "x", transform],
      ["PUT /", "", transform],
      ["POST /", "x", {}],
      ["GET /", "", { upstream: "one" }],
      ["POST /", "x", { upstream: "one" }],
      ["GET /", "", { upstream: "drained" }],
    ] as const) {
      const fields: [string, string][] = body === "" ? [] : [["Content-Length", String(body.length)]];
      const { retriesOn } = explain(snapshotOf(limitedOf(options)), { line, fields }).upstream!;
      const told = ["connect", "503"].filter((reason) => retriesOn.includes(reason));
      const seen: string[] = [];
      if ((await attemptsAfter("refuse", body, { line, options })) === 2) seen.push("connect");
      if ((await attemptsAfter(503, body, { line, options })) === 2) seen.push("503");
      assert.deepEqual(told, seen, `${line} with ${body.length} bytes, ${Object.keys(options)}`);
    }
  });

  const limitedOf = (options: object) => ({
    listeners: [":80"],
    limits: { replay: "1KiB" },
    upstreams: {
      app: { servers: two, balance: "round-robin" },
      one: { servers: [two[0]] },
      drained: { servers: [two[0], { address: two[1], state: "drain" }] },
    },
    routes: [{ id: "app", upstream: "app", ...options }],
  });

  async function attemptsAfter(
    how: Failure,
    body: string,
    { line, options }: { line: string; options: object },
  ): Promise<number> {
    await using proxy = await testProxy(limitedOf(options) as never);
    proxy.server("10.0.0.1:80").failNext(1, how);
    return (await proxy.request(line, body === "" ? {} : { body })).attempts;
  }
});

describe("a sticky cookie", () => {
  const sticky = { cookie: "place", secret: "thirty-two characters of a secret" };
  const config = configOf({ balance: "round-robin", sticky });
  const stateOf = (tools: ExplainTools, cookie = "") =>
    upstreamOf({ balance: "round-robin", sticky }, "GET /", tools, cookie);

  it("is recognised where signatures are checked", async () => {
    await using proxy = await testProxy(config as never);
    const cookies: string[] = [];
    for (const server of two) {
      const response = await proxy.request("GET /");
      assert.equal(response.server, server);
      cookies.push(/^place=[^;]+/.exec(response.headers.get("set-cookie") ?? "")?.[0] ?? "");
    }
    for (const [place, cookie] of cookies.entries()) {
      const { sticky: told, chosen, chosenBy, isByChance } = stateOf({ hmacSha256 }, `a=b; ${cookie}`);
      assert.deepEqual(told, { cookie: "place", state: "good", server: two[place] });
      assert.deepEqual([chosen, chosenBy, isByChance], [two[place], "sticky cookie", false]);
    }
    const servers = [two[0], { address: two[1], state: "maintenance" }];
    const absent = upstreamOf({ servers, sticky }, "GET /", { hmacSha256 }, cookies[1]);
    assert.deepEqual([absent.sticky?.server, absent.chosen, absent.chosenBy], [two[1], two[0], "balance"]);
  });

  it("is told where it is missing, bad, or not looked into", () => {
    assert.equal(upstreamOf({}).sticky, null);
    assert.deepEqual(stateOf({ hmacSha256 }).sticky, { cookie: "place", state: "none", server: null });
    assert.deepEqual(stateOf({ hmacSha256 }, "place=x").sticky, { cookie: "place", state: "bad", server: null });
    // Signatures that nobody makes are all the same.
    const forged = `place=${"0".repeat(24)}.${"0".repeat(32)}`;
    const { sticky: told, chosenBy } = stateOf({}, forged);
    assert.deepEqual([told?.state, told?.server, chosenBy], ["unchecked", null, "balance"]);
  });
});
