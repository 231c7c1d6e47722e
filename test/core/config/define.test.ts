import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { type Config, defineConfig } from "../../../core/config/define.ts";

describe("defineConfig", () => {
  it("hands through what it is given, typed", async () => {
    const config: Config = { listeners: [":0"], routes: [{ respond: {} }] };
    assert.equal(defineConfig(config), config);
    const made = defineConfig(async () => config);
    assert.equal(await made(), config);
    // @ts-expect-error a key that is not there
    defineConfig({ listeners: [":0"], routes: [], listenrs: [] });
    // @ts-expect-error not a balancer
    defineConfig({ listeners: [":0"], upstreams: { a: { servers: ["a:1"], balance: "roundrobin" } }, routes: [] });
  });

  it("takes lists that nobody may change", () => {
    const config = {
      listeners: [":0", { address: ":1" }],
      trustedProxies: ["10.0.0.0/8"],
      upstreams: { app: { servers: ["127.0.0.1:1", { address: "127.0.0.1:2", weight: 2 }] } },
      routes: [
        { match: { host: ["a.example", "b.example"], method: ["GET"], client: ["10.0.0.0/8"] }, upstream: "app" },
        { response: { add: { Link: ["<a>", "<b>"] }, remove: ["X-A"] }, respond: {} },
      ],
    } as const;
    Object.freeze(config.routes[0].match.host);
    assert.equal(defineConfig(config), config);
    assert.ok("snapshot" in compileConfig(config));
    const routes: readonly { readonly upstream: string }[] = [];
    defineConfig({ listeners: [":0"], routes });
  });

  it("refuses by type what the check refuses: no action, two actions, two rewrites", () => {
    const config = (route: Config["routes"][number]): Config => ({ listeners: [":0"], routes: [route] });
    for (const right of [
      config({ upstream: "a" }),
      config({ upstream: "a", redirect: undefined, rewrite: { path: "/", pattern: undefined } }),
      config({ target: () => ({ target: "http://10.0.0.1" }) }),
      config({ mount: () => new Response() }),
    ])
      assert.equal(right.routes.length, 1);
    // @ts-expect-error it does nothing
    config({ id: "a" });
    // @ts-expect-error it does two things
    config({ upstream: "a", redirect: { to: "/" } });
    // @ts-expect-error as well
    config({ target: () => "a", respond: {} });
    // @ts-expect-error its path becomes two
    config({ upstream: "a", rewrite: { path: "/", stripPrefix: "/a" } });
  });
});
