import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../core/config/define.ts";
import { type TestProxy, testProxy } from "../../testing/mod.ts";

const configWith = (more: Partial<Config>): Config => ({
  listeners: [":80"],
  upstreams: { a: { servers: ["10.0.0.1:80"] } },
  routes: [{ id: "all", upstream: "a" }],
  ...more,
});
const nth = async (proxy: TestProxy, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) assert.equal((await proxy.request("GET /")).status, 200);
};

describe("what hooks have, across reloads", () => {
  it("the cache: what an old configuration looked up, the new one knows", async () => {
    const loads: string[] = [];
    const config = (by: string): Config =>
      configWith({
        hooks: {
          decide: async (_request, context) => {
            const upstream = await context.cache("site a", async () => {
              loads.push(by);
              return "a";
            });
            return { upstream };
          },
        },
      });
    await using proxy = await testProxy(config("old"));
    await nth(proxy, 2);
    await proxy.reload(config("new"));
    await nth(proxy, 2);
    assert.deepEqual(loads, ["old"]);
    await proxy.advance("1h");
    await nth(proxy, 1);
    assert.deepEqual(loads, ["old", "new"]);
  });

  it("a load under way answers those who asked before and after", async () => {
    let finish: (upstream: string) => void = () => {};
    let loads = 0;
    const config = (path: string): Config =>
      configWith({
        routes: [{ id: "all", match: { path }, upstream: "a" }],
        hooks: {
          decide: (_request, context) =>
            context.cache("site a", () => {
              loads++;
              return new Promise<string>((resolve) => {
                finish = resolve;
              });
            }),
        },
      });
    await using proxy = await testProxy(config("/*"));
    const before = proxy.send("GET /");
    await proxy.settle();
    await proxy.reload(config("/x/*"));
    const after = proxy.send("GET /x/y");
    await proxy.settle();
    finish("a");
    assert.deepEqual([(await before.response()).status, (await after.response()).status, loads], [200, 200, 1]);
  });

  it("targets: their connections stay with `allowTargets`, and go with it; requests under way end where they are", async () => {
    const config = (allowTargets: string[], respond = "x"): Config =>
      configWith({
        allowTargets,
        routes: [
          { match: { path: "/own" }, respond: { status: 200, body: respond } },
          { id: "all", target: () => ({ target: "http://10.9.0.1" }) },
        ],
      });
    await using proxy = await testProxy(config(["10.9.0.0/16"]));
    const server = await proxy.serve("10.9.0.1:80");
    await nth(proxy, 2);
    await proxy.reload(config(["10.9.0.0/16"], "y"));
    await proxy.advance("100ms");
    assert.equal(server.connections, 1);
    await nth(proxy, 1);
    assert.equal(server.connections, 1);
    server.slow("1s");
    const underway = proxy.send("GET /");
    await proxy.settle();
    await proxy.reload(config(["10.0.0.0/8"], "y"));
    assert.equal((await underway.response()).status, 200);
    await proxy.advance("1s");
    assert.equal(server.connections, 0);
    await nth(proxy, 1);
    assert.equal(server.connections, 1);
    await proxy.reload(config(["10.8.0.0/16"], "y"));
    const refused = await proxy.request("GET /");
    assert.deepEqual([refused.status, refused.fault], [502, "internal.target-not-allowed"]);
    await proxy.advance("1s");
    assert.equal(server.connections, 0);
  });

  it("targets: a request that waits for a name gets there, also when `allowTargets` changes meanwhile", async () => {
    const config = (allowTargets: string[]): Config =>
      configWith({ allowTargets, routes: [{ id: "all", target: () => ({ target: "http://far.example" }) }] });
    await using proxy = await testProxy(config(["10.9.0.0/16"]), { dns: { "far.example": ["10.9.0.1"] } });
    const server = await proxy.serve("10.9.0.1:80");
    proxy.simulation.zone.delayMs = 500;
    const underway = proxy.send("GET /");
    await proxy.advance("100ms");
    await proxy.reload(config(["10.9.0.0/24"]));
    assert.equal((await underway.response()).status, 200);
    await proxy.advance("1s");
    assert.deepEqual([server.requests.length, server.connections], [1, 0]);
  });

  it("a client that leaves while a target's name is looked up leaves nothing, and the next one is served", async () => {
    const config = configWith({
      allowTargets: ["10.9.0.0/16"],
      routes: [{ id: "all", target: () => ({ target: "http://far.example" }) }],
    });
    await using proxy = await testProxy(config, { dns: { "far.example": ["10.9.0.1"] } });
    const server = await proxy.serve("10.9.0.1:80");
    proxy.simulation.zone.delayMs = 500;
    const leaving = proxy.send("GET /");
    await proxy.advance("100ms");
    leaving.abort();
    await proxy.advance("200ms");
    assert.equal(proxy.proxy.connectionCount, 0);
    await proxy.advance("1s");
    assert.deepEqual([server.requests.length, server.connections], [0, 0]);
    const [left] = proxy.proxy.traces();
    assert.match(left?.fault?.code ?? "", /^client\./);
    await nth(proxy, 1);
    assert.equal(server.requests.length, 1);
  });
});
