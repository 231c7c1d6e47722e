import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
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
});
