import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../core/config/define.ts";
import { compiledConfig } from "../../testing/refused-config.ts";
import { routeReasons } from "../../testing/route-reasons.ts";

type Match = NonNullable<NonNullable<Config["routes"]>[number]["match"]>;

async function reasonOf(match: Match, line: string, options = {}): Promise<string | undefined> {
  const { snapshot } = await compiledConfig({
    listeners: [":80"],
    routes: [{ id: "r", match, respond: { status: 200 } }],
  });
  return routeReasons(snapshot, "", line, options)[0];
}

describe("reasons why a route was not taken", () => {
  const cases: readonly (readonly [string, Match, string, object, string])[] = [
    ["host", { host: ["a.b", "*.c.d"] }, "GET http://x.y:80/", {}, "wants host a.b or *.c.d, got x.y"],
    ["path", { path: "/a/*" }, "GET /ab?q", {}, "wants path /a/*, got /ab"],
    ["method", { method: "PUT" }, "GET /", {}, "wants method PUT, got GET"],
    [
      "header",
      { header: { "X-A": "b" } },
      "GET /",
      { headers: { "x-a": "c" } },
      "wants header x-a: b, got another value",
    ],
    ["query", { query: { k: "v" } }, "GET /?k=w", {}, "wants query k: v, got k=w"],
    ["client", { client: "10.0.0.0/8" }, "GET /", {}, "wants client 10.0.0.0/8, got 192.0.2.1"],
    ["not", { not: { method: "GET" } }, "GET /", {}, "not[0] of it holds: method GET"],
  ];
  for (const [name, match, line, options, reason] of cases) {
    it(name, async () => assert.equal(await reasonOf(match, line, options), `route r: ${reason}`));
  }

  it("several at once, and none that hold", async () => {
    const match: Match = { host: "a.b", path: "/x", method: "GET" };
    assert.equal(await reasonOf(match, "GET http://c.d/y"), "route r: wants host a.b, got c.d");
  });
});
