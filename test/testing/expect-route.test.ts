import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../core/config/define.ts";
import type { Decision, OnRequest, OnResponse } from "../../core/script/hooks.ts";
import { ExpectationError, expectRoute, testProxy } from "../../testing/mod.ts";

const CONFIG: Config = {
  listeners: [":80"],
  upstreams: { api: { servers: ["10.0.0.1:80"] }, web: { servers: ["10.0.0.2:80"] } },
  routes: [
    { id: "api", match: { host: "a.example", path: "/api/*" }, rewrite: { stripPrefix: "/api" }, upstream: "api" },
    { id: "post", match: { host: "a.example", path: "/form", method: "POST" }, upstream: "api" },
    { id: "moved", match: { host: "old.example" }, redirect: { to: "https://a.example${request.path}", status: 308 } },
    { id: "hello", match: { host: "a.example", path: "/hello" }, respond: { status: 200, body: "hello" } },
    { id: "web", match: { host: "a.example" }, upstream: "web" },
  ],
};

const API = "GET https://a.example/api/x?y";

/** Each holds; turned round it fails. */
const TRUE: readonly (readonly [string, (not: boolean) => Promise<void>])[] = [
  ["toReach", (not) => pick(API, not).toReach("api")],
  ["toReach with a server", (not) => pick(API, not).toReach("api", { server: "10.0.0.1:80" })],
  ["toHaveRoute", (not) => pick(API, not).toHaveRoute("api")],
  ["toRedirect", (not) => pick("GET http://old.example/a", not).toRedirect("https://a.example/a", 308)],
  ["toRespond", (not) => pick("GET http://a.example/hello", not).toRespond(200, "hello")],
  ["toBeRefused", (not) => pick("GET http://b.example/", not).toBeRefused()],
  ["toBeRefused with a code", (not) => pick("GET http://b.example/", not).toBeRefused("client.no-route")],
  ["toSend", (not) => pick(API, not).toSend({ path: "/x", query: "y", headers: { cookie: null, via: /millrace/ } })],
];

/** Each is wrong; turned round it holds. */
const FALSE: typeof TRUE = [
  ["toReach", (not) => pick(API, not).toReach("web")],
  ["toReach with a server", (not) => pick(API, not).toReach("api", { server: "10.0.0.2:80" })],
  ["toHaveRoute", (not) => pick(API, not).toHaveRoute("web")],
  ["toRedirect", (not) => pick(API, not).toRedirect("https://a.example/a")],
  ["toRedirect with another status", (not) => pick("GET http://old.example/a", not).toRedirect(/a/, 301)],
  ["toRespond when a server does", (not) => pick("GET http://a.example/", not).toRespond(200)],
  ["toRespond with another body", (not) => pick("GET http://a.example/hello", not).toRespond(200, "bye")],
  ["toBeRefused", (not) => pick(API, not).toBeRefused()],
  ["toSend", (not) => pick(API, not).toSend({ path: "/api/x" })],
  ["toSend with a header", (not) => pick(API, not).toSend({ headers: { "x-a": "b" } })],
];

describe("expectRoute", () => {
  for (const [name, check] of TRUE) {
    it(`${name} holds, and its opposite fails`, async () => {
      await check(false);
      await assert.rejects(check(true), ExpectationError);
    });
  }
  for (const [name, check] of FALSE) {
    it(`${name} fails, and its opposite holds`, async () => {
      await assert.rejects(check(false), ExpectationError);
      await check(true);
    });
  }

  it("says what was expected, what came, and why", async () => {
    await assert.rejects(
      expectRoute(CONFIG, "GET https://b.example/form").toReach("api"),
      (error: ExpectationError) => {
        assert.equal(error.name, "AssertionError");
        assert.equal(error.code, "ERR_ASSERTION");
        assert.equal(error.operator, "toReach");
        assert.equal(error.expected, "to reach upstream api");
        assert.equal(error.actual, "404 client.no-route, no route");
        assert.match(
          error.message,
          /^GET https:\/\/b\.example\/form\n {2}expected: to reach upstream api\n {2}got: {6}404 /,
        );
        assert.match(error.message, /route api: wants host a\.example, got b\.example\n/);
        assert.match(error.message, /route post: wants host a\.example, got b\.example\n/);
        return true;
      },
    );
    await assert.rejects(
      expectRoute(CONFIG, API).toHaveRoute("web"),
      /route web: matches too, but api comes before it/,
    );
  });

  it("shows what was sent where that is wrong, and no routes", async () => {
    await assert.rejects(expectRoute(CONFIG, API).toSend({ path: "/y" }), (error: ExpectationError) => {
      assert.match(error.message, /\n {2}sent: {5}GET \/x\?y\n {12}Host: a\.example\n/);
      return !error.message.includes("why:");
    });
  });

  it("an upstream or a route that is not there is a mistake, not a failure", async () => {
    await assert.rejects(expectRoute(CONFIG, API).toReach("apj"), /no upstream "apj": did you mean "api"/);
    await assert.rejects(expectRoute(CONFIG, API).not.toReach("apj"), /no upstream "apj"/);
    await assert.rejects(expectRoute(CONFIG, API).toHaveRoute("wep"), /no route "wep": did you mean "web"\?/);
    await assert.rejects(expectRoute(CONFIG, API).not.toHaveRoute("wep"), /no route "wep"/);
  });

  it("asks a proxy that runs", async () => {
    await using proxy = await testProxy(CONFIG);
    proxy.upstream("api").fail("refuse");
    await expectRoute(proxy, API).toBeRefused("upstream.connect-refused");
    await expectRoute(proxy, API).not.toReach("api");
    proxy.upstream("api").recover();
    await proxy.advance("1m");
    await expectRoute(proxy, API).toReach("api");
  });
});

describe("expectRoute, where hooks ask servers themselves", () => {
  const upstreams = {
    app: { servers: ["10.0.0.1:80"] },
    auth: { servers: ["10.0.0.3:80"] },
    named: { servers: ["app.internal:80"] },
  };
  const configWith = (onRequest: OnRequest, upstream = "app"): Config => ({
    listeners: [":80"],
    upstreams,
    hooks: {
      onRequest: async (request, context) => {
        const answer = await context.fetch("http://auth/check");
        await answer.body?.cancel();
        return onRequest(request, context);
      },
    },
    routes: [{ upstream }],
  });

  it("none has got a request that was denied", async () => {
    const denied = configWith(() => ({ deny: 401, body: "no" }));
    await expectRoute(denied, "GET /").toRespond(401, "no");
    await expectRoute(denied, "GET /").not.toReach("app");
    await expectRoute(denied, "GET /").not.toSend({ path: "/check" });
    await assert.rejects(expectRoute(denied, "GET /").toReach("app"), / 401 "no" from the proxy itself/);
  });

  it("one has got what was sent to it, not what was asked of others", async () => {
    for (const upstream of ["app", "named"]) {
      const allowed = configWith(() => {}, upstream);
      await expectRoute(allowed, "GET /x").toReach(upstream);
      await expectRoute(allowed, "GET /x").toSend({ path: "/x" });
      await expectRoute(allowed, "GET /x").not.toSend({ path: "/check" });
    }
  });

  it("what is asked behind the response is not the request either", async () => {
    const onResponse: OnResponse = async (_, __, context) => {
      await (await context.fetch("http://auth/late")).body?.cancel();
    };
    const config: Config = { ...CONFIG, upstreams: { ...CONFIG.upstreams, ...upstreams }, hooks: { onResponse } };
    await expectRoute(config, API).toSend({ path: "/x" });
    await expectRoute(config, API).toReach("api");
  });

  it("a target in no list has got the request", async () => {
    const decide = (): Decision => ({ target: "http://shop.internal:80" });
    const config: Config = {
      listeners: [":80"],
      upstreams,
      allowTargets: ["10.9.0.0/16"],
      routes: [{ target: decide }],
    };
    await using proxy = await testProxy(config, { dns: { "shop.internal": "10.9.0.1" } });
    await proxy.serve("10.9.0.1:80");
    await expectRoute(proxy, "GET /x").toSend({ path: "/x" });
  });
});

function pick(line: string, not: boolean) {
  const expectation = expectRoute(CONFIG, line);
  return not ? expectation.not : expectation;
}
