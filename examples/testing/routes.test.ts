// The configuration of the shop as a suite. Run it by any of
//
//   node --import tsx --test examples/testing/routes.test.ts
//   deno test -A examples/testing/routes.test.ts
//   bun test ./examples/testing/routes.test.ts

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expectRoute, testProxy } from "millrace/testing";
import { customers } from "./customers.ts";
import config from "./shop.config.ts";

const OFFICE = { client: "10.1.2.3" };

describe("routes of the shop", () => {
  it("lead to the site and to the API", async () => {
    await expectRoute(config, "GET https://shop.example/").toReach("web");
    await expectRoute(config, "GET https://shop.example/api/orders").toReach("api");
    await expectRoute(config, "GET https://shop.example/apiary").not.toReach("api");
  });

  it("send the API its own paths", async () => {
    await expectRoute(config, "GET https://shop.example/api/orders?page=2").toSend({
      path: "/orders",
      query: "page=2",
      host: "shop.example",
      headers: { "X-Forwarded-For": "192.0.2.1" },
    });
  });

  it("keep the old name alive", async () => {
    await expectRoute(config, "GET https://old.example/a").toRedirect("https://shop.example/a", 301);
  });

  it("let only the office in to /admin", async () => {
    await expectRoute(config, "GET https://shop.example/admin/").toRespond(403);
    await expectRoute(config, "GET https://shop.example/admin/", OFFICE).toReach("web");
  });

  it("answer every other name with 404", async () => {
    await expectRoute(config, "GET https://elsewhere.example/").toRespond(404);
  });
});

describe("the shop, when servers fail", () => {
  it("asks the other server", async () => {
    await using proxy = await testProxy(config);
    proxy.upstream("api").failNext(1, "reset");
    const response = await proxy.request("GET https://shop.example/api/orders");
    assert.equal(response.status, 200);
    assert.equal(response.attempts, 2);
  });

  it("orders nothing twice", async () => {
    await using proxy = await testProxy(config);
    proxy.upstream("api").failNext(1, "reset");
    const response = await proxy.request("POST https://shop.example/api/orders", { body: "one shovel" });
    assert.equal(response.fault, "upstream.reset");
    assert.equal(proxy.upstream("api").requests.length, 1);
  });

  it("gives up on a server that hangs after a minute, in no time", async () => {
    await using proxy = await testProxy(config);
    proxy.upstream("web").fail("hang");
    const response = await proxy.request("GET https://shop.example/");
    assert.equal(response.status, 504);
    assert.ok(response.durationMs >= 60_000);
  });

  it("keeps a customer at one server", async () => {
    await using proxy = await testProxy(config);
    const first = await proxy.request("GET https://shop.example/api/cart");
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    for (let i = 0; i < 4; i++) {
      const next = await proxy.request("GET https://shop.example/api/cart", { headers: { cookie } });
      assert.equal(next.server, first.server);
    }
  });
});

describe("customers", () => {
  it("are found in the database", async () => {
    customers.find = async (host) => (host === "old.customers.example" ? { upstream: "archive" } : null);
    await expectRoute(config, "GET https://old.customers.example/").toReach("archive");
    await expectRoute(config, "GET https://new.customers.example/").toReach("web");
  });

  it("get the site while the database is down", async () => {
    customers.find = () => Promise.reject(new Error("the database is down"));
    await expectRoute(config, "GET https://old.customers.example/").toReach("web");
  });

  it("wait for a slow database, but not for long", async () => {
    await using proxy = await testProxy(config);
    let takes = "100ms";
    customers.find = async () => {
      await proxy.delay(takes);
      return { upstream: "archive" };
    };
    const patient = await proxy.request("GET https://old.customers.example/");
    assert.equal(patient.upstream, "archive");
    takes = "1m";
    const hasty = await proxy.request("GET https://old.customers.example/");
    assert.equal(hasty.upstream, "web");
    assert.ok(hasty.durationMs < 400);
  });
});
