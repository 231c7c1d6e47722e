import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Decide } from "../../../core/script/hooks.ts";
import { testProxy } from "../../../testing/mod.ts";

const configWith = (decide: Decide | (() => unknown), allowTargets?: string[]) => ({
  listeners: [":80"],
  upstreams: { listed: { servers: ["10.0.0.1:80"] } },
  ...(allowTargets && { allowTargets }),
  routes: [{ target: decide as () => string }],
});

const answerTo = async (decide: Decide | (() => unknown), allowTargets?: string[]) => {
  await using proxy = await testProxy(configWith(decide, allowTargets));
  return (await proxy.request("GET http://a.example/")).status;
};

describe("a target that a hook has chosen", () => {
  it("gets the request, with the host and the fields of the decision", async () => {
    const decide = () => ({ target: "http://10.0.0.1:80", host: "b.example", headers: { set: { "X-By": "hook" } } });
    await using proxy = await testProxy(configWith(decide, ["10.0.0.0/8"]));
    const response = await proxy.request("GET http://a.example/x");
    assert.equal(response.status, 200);
    assert.equal(response.upstream, "http://10.0.0.1:80");
    const [seen] = proxy.server("10.0.0.1:80").requests;
    assert.deepEqual([seen?.headers.get("host"), seen?.headers.get("x-by")], ["b.example", "hook"]);
  });

  it("is refused when nothing is allowed, or not this; the hook's fallback is for failing hooks", async () => {
    const decide: Decide = () => ({ target: "http://10.0.0.1:80" });
    assert.equal(await answerTo(decide), 502);
    assert.equal(await answerTo(decide, ["10.0.0.2"]), 502);
    const config = {
      ...configWith(decide, ["192.168.0.0/16"]),
      routes: [{ target: { run: decide, fallback: { upstream: "listed" } } }],
    };
    await using proxy = await testProxy(config);
    assert.equal((await proxy.request("GET http://a.example/")).status, 502);
  });
});
