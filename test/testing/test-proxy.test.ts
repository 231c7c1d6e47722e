import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../core/config/define.ts";
import { type Answer, type Failure, RefusedConfigError, testProxy } from "../../testing/mod.ts";

const TWO: Config = {
  listeners: ["127.0.0.1:8080", { address: ":8443", name: "second" }],
  upstreams: {
    app: { servers: ["10.0.0.1:80", "10.0.0.2:80"], balance: "round-robin", retries: { attempts: 1 } },
    named: { servers: ["app.internal:9000"] },
    alone: { servers: ["10.0.0.9:80"], retries: { attempts: 0 } },
  },
  routes: [
    { id: "named", match: { host: "named.example" }, upstream: "named" },
    { id: "alone", match: { host: "alone.example" }, upstream: "alone" },
    { id: "other-door", match: { listener: "second" }, respond: { status: 200, body: "second" } },
    { id: "app", match: { host: "a.example" }, upstream: "app" },
  ],
};

describe("test proxy: requests", () => {
  it("go through a real proxy, and the response says how", async () => {
    await using proxy = await testProxy(TWO);
    const response = await proxy.request("POST https://a.example/x?y=1", {
      body: "grüße",
      headers: { "X-A": ["1", "2"] },
    });
    const { status, upstream, server, route, attempts, fault, isCut } = response;
    assert.deepEqual(
      { status, upstream, server, route, attempts, fault, isCut },
      { status: 200, upstream: "app", server: "10.0.0.1:80", route: "app", attempts: 1, fault: "", isCut: false },
    );
    assert.deepEqual(response.json(), { server: "10.0.0.1:80", method: "POST", target: "/x?y=1", host: "a.example" });
    const [got] = proxy.server("10.0.0.1:80").requests;
    assert.equal(got?.body, "grüße");
    assert.equal(got?.headers.get("x-a"), "1, 2");
    assert.equal(got?.path, "/x");
    assert.equal(got?.query, "y=1");
  });

  it("tell the right story each, also when several alike are under way", async () => {
    await using proxy = await testProxy(TWO);
    const all = await Promise.all(Array.from({ length: 8 }, () => proxy.request("GET http://a.example/")));
    for (const response of all) assert.deepEqual((response.json() as { server: string }).server, response.server);
    assert.equal(new Set(all.map(({ requestId }) => requestId)).size, 8);
    assert.equal(new Set(all.map(({ server }) => server)).size, 2);
  });

  it("come from the client and to the listener that is named", async () => {
    await using proxy = await testProxy(TWO);
    await proxy.request("GET http://a.example/", { client: "203.0.113.9" });
    assert.equal(proxy.received[0]?.headers.get("x-forwarded-for"), "203.0.113.9");
    const second = await proxy.request("GET /", { listener: "second" });
    assert.equal(second.body, "second");
    await assert.rejects(
      proxy.request("GET /", { listener: "third" }),
      /no listener "third": .*127\.0\.0\.1:8080, second/,
    );
    for (const client of ["10.0.0.0/8", "office", ""])
      await assert.rejects(proxy.request("GET /", { client }), /client "[^"]*" is no IP address; write one such as/);
  });

  it("that are refused have a fault", async () => {
    await using proxy = await testProxy(TWO);
    const none = await proxy.request("GET http://nobody.example/");
    assert.deepEqual([none.status, none.fault, none.route], [404, "client.no-route", ""]);
    const bad = await proxy.request("GET http://a.example/", { headers: { Host: ["a", "b"] } });
    assert.deepEqual([bad.status, bad.fault], [400, "client.bad-host"]);
    assert.notEqual(bad.requestId, "");
  });

  it("can be given up, and what they did is told", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("alone").slow("2s");
    const underway = proxy.send("GET http://alone.example/");
    await proxy.advance("1s");
    assert.equal(underway.isDone, false);
    underway.abort();
    const { status, fault, isCut } = await underway.response();
    assert.deepEqual({ status, fault, isCut }, { status: 0, fault: "client.reset", isCut: true });
  });

  it("leave traces, all of them", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("app").failNext(1, "refuse");
    const { requestId, attempts } = await proxy.request("GET http://a.example/");
    assert.equal(attempts, 2);
    assert.deepEqual(
      proxy.trace(requestId)?.tries.map(({ fault }) => fault),
      ["upstream.connect-refused", ""],
    );
  });

  it("leave one also when all is well", async () => {
    await using proxy = await testProxy(TWO);
    const { requestId } = await proxy.request("GET http://a.example/");
    assert.equal(proxy.trace(requestId)?.kept, "sampled");
  });

  it("may be any bytes", async () => {
    await using proxy = await testProxy(TWO);
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\nHost: a.example\n\n");
    await proxy.settle();
    assert.match(client.text(), /^HTTP\/1\.1 400 [\s\S]*client\.bare-lf/);
  });
});

describe("test proxy: servers that fail on cue", () => {
  const ways: readonly (readonly [Failure, string])[] = [
    ["refuse", "upstream.connect-refused"],
    ["drop", "upstream.connect-timeout"],
    ["hang", "upstream.first-byte-timeout"],
    ["reset", "upstream.reset"],
    ["close", "upstream.closed"],
    ["garbage", "upstream.bad-status-line"],
  ];
  for (const [how, fault] of ways) {
    it(`${how}: once, for good, and well again`, async () => {
      await using proxy = await testProxy(TWO);
      const ask = async () => (await proxy.request("GET http://alone.example/")).fault;
      // Leaves a connection that the next request could use. (One that breaks then is replaced at no charge.)
      if (how === "refuse" || how === "drop") assert.equal(await ask(), "");
      const server = proxy.server("10.0.0.9:80").failNext(1, how);
      assert.equal(await ask(), fault);
      await proxy.advance("30s");
      assert.equal(await ask(), "", "after it");
      server.fail(how);
      assert.equal(await ask(), fault);
      server.recover();
      await proxy.advance("30s");
      assert.equal(await ask(), "", "recovered");
    });
  }

  it("a status", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("alone").failNext(1, 503);
    assert.equal((await proxy.request("GET http://alone.example/")).status, 503);
    assert.equal((await proxy.request("GET http://alone.example/")).status, 200);
  });

  it("cut: the client sees that it is not all", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("alone").answer("0123456789").failNext(1, "cut");
    const { status, body, isCut, fault } = await proxy.request("GET http://alone.example/");
    assert.deepEqual(
      { status, body, isCut, fault },
      { status: 200, body: "01234", isCut: true, fault: "upstream.truncated" },
    );
  });

  it("an upstream counts its failures over all servers", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("app").failNext(2, "reset");
    assert.equal((await proxy.request("GET http://a.example/")).fault, "upstream.reset");
    assert.equal((await proxy.request("GET http://a.example/")).fault, "");
    assert.equal(proxy.upstream("app").requests.length, 3);
  });

  it("flap on the virtual clock", async () => {
    await using proxy = await testProxy(TWO);
    const statuses: number[] = [];
    proxy.upstream("alone").flap({ down: "10s", up: "10s", how: 500 });
    for (let i = 0; i < 4; i++) {
      await proxy.advance("5s");
      statuses.push((await proxy.request("GET http://alone.example/")).status);
      await proxy.advance("5s");
    }
    assert.deepEqual(statuses, [500, 200, 500, 200]);
  });

  it("answers are fixed, made of the request, or late", async () => {
    await using proxy = await testProxy(TWO);
    const alone = proxy.upstream("alone").answer({ status: 201, headers: { "X-B": "c" }, body: "made" });
    const made = await proxy.request("GET http://alone.example/");
    assert.deepEqual([made.status, made.headers.get("x-b"), made.body], [201, "c", "made"]);
    alone.answer(async ({ path }) => ({ body: path, delay: "3s" }));
    const late = await proxy.request("GET http://alone.example/echo");
    assert.equal(late.body, "/echo");
    assert.ok(late.durationMs >= 3_000 && late.durationMs < 3_100, String(late.durationMs));
    assert.equal((await proxy.request("HEAD http://alone.example/echo")).body, "");
  });

  it("an answer that throws is the test's own mistake, and is thrown to it", async () => {
    await using proxy = await testProxy(TWO);
    proxy.upstream("alone").answer(() => {
      throw new Error("a typing mistake");
    });
    await assert.rejects(proxy.request("GET http://alone.example/"), /a typing mistake/);
  });
});

describe("test proxy: around it", () => {
  it("names lead to servers by themselves, or as told", async () => {
    await using proxy = await testProxy(TWO);
    assert.equal((await proxy.request("GET http://named.example/")).status, 200);
    assert.equal(proxy.server("app.internal:9000").requests.length, 1);
    await using told = await testProxy(TWO, { dns: { "app.internal": ["10.1.0.1", "10.1.0.2"] } });
    assert.deepEqual(
      told.upstream("named").servers.map(({ address }) => address),
      ["10.1.0.1:9000", "10.1.0.2:9000"],
    );
    assert.throws(() => told.server("app.internal:9000"), /is several servers: 10\.1\.0\.1:9000, 10\.1\.0\.2:9000/);
  });

  it("services and files list servers", async () => {
    const config: Config = {
      listeners: [":80"],
      upstreams: { s: { servers: [{ srv: "_http._tcp.app" }] }, f: { servers: [{ file: "list.yaml" }] } },
      routes: [{ match: { path: "/s" }, upstream: "s" }, { upstream: "f" }],
    };
    await using proxy = await testProxy(config, {
      services: { "_http._tcp.app": [{ host: "one.app", port: 81 }] },
      serverFiles: { "list.yaml": ["10.5.0.1:80"] },
    });
    assert.equal((await proxy.request("GET /s")).upstream, "s");
    assert.equal((await proxy.request("GET /f")).server, "10.5.0.1:80");
    assert.equal(proxy.server("one.app:81").requests.length, 1);
  });

  it("checks are answered, kept apart, and see what fails", async () => {
    const health = { check: { kind: "http" as const, path: "/up", interval: "1s", port: 8081 } };
    await using proxy = await testProxy({
      listeners: [":80"],
      upstreams: { app: { servers: ["10.0.0.1:80"], health } },
      routes: [{ upstream: "app" }],
    });
    const server = proxy.server("10.0.0.1:80");
    await proxy.advance("10s");
    assert.equal(server.requests.length, 0);
    assert.ok(server.checks.length > 3);
    assert.equal(proxy.health()[0]?.state, "up");
    server.fail(500);
    await proxy.advance("20s");
    assert.equal(proxy.health()[0]?.state, "down");
    assert.ok(proxy.events.some((event) => event.kind === "server-state" && event.to === "down"));
  });

  it("reloads", async () => {
    await using proxy = await testProxy(TWO);
    await proxy.reload({ ...TWO, upstreams: { fresh: { servers: ["10.9.9.9:80"] } }, routes: [{ upstream: "fresh" }] });
    assert.equal((await proxy.request("GET http://a.example/")).server, "10.9.9.9:80");
    await assert.rejects(proxy.reload({ ...TWO, routes: [{ upstream: "nope" }] }), RefusedConfigError);
    await assert.rejects(proxy.reload({ ...TWO, include: "sites/*.yaml" }), /include: names files/);
    const body = "${env:MILLRACE_TEST_NO_SUCH}";
    await assert.rejects(proxy.reload({ ...TWO, routes: [{ respond: { body } }] }), /NO_SUCH is not set/);
    assert.equal((await proxy.request("GET http://a.example/")).status, 200);
  });

  it("same seed, same story", async () => {
    const story = async (seed: number): Promise<string> => {
      await using proxy = await testProxy(
        { ...TWO, upstreams: { ...TWO.upstreams, app: { servers: ["10.0.0.1:80", "10.0.0.2:80"] } } },
        { seed },
      );
      const servers: string[] = [];
      for (let i = 0; i < 12; i++) servers.push((await proxy.request("GET http://a.example/")).server);
      return servers.join();
    };
    assert.equal(await story(3), await story(3));
    assert.notEqual(await story(3), await story(4));
  });
});

describe("test proxy: misuse", () => {
  it("unknown names are answered with the known ones", async () => {
    await using proxy = await testProxy(TWO);
    assert.throws(() => proxy.upstream("ap"), /no upstream "ap": did you mean "app"\? \(there are app, named, alone\)/);
    assert.throws(() => proxy.server("10.0.0.3:80"), /no server "10\.0\.0\.3:80": .*10\.0\.0\.1:80/);
  });

  it("a configuration with problems lists all of them", async () => {
    const bad = {
      listeners: [":80"],
      upstreams: {},
      routes: [{ upstream: "a" }, { upstrem: "b" }],
    } as unknown as Config;
    await assert.rejects(testProxy(bad), (error: Error) => {
      assert.match(error.message, /routes\[0\]\.upstream: /);
      assert.match(error.message, /routes\[1\].*upstrem/);
      return error instanceof RefusedConfigError && error.problems.length >= 2;
    });
  });

  it("what can't be said is refused in words", async () => {
    await using proxy = await testProxy(TWO);
    await assert.rejects(proxy.request("GET a.example/x"), /is no request: write "GET https:/);
    await assert.rejects(proxy.request("GET /a b"), /escape it/);
    await assert.rejects(proxy.advance("5 years"), /is no duration/);
    assert.throws(() => proxy.upstream("app").failNext(0, "reset"), /give 1 or more/);
    assert.throws(() => proxy.upstream("app").fail("explode" as Failure), /refuse, drop, hang/);
    for (const answer of [1_000, 20.5, { status: 0 }, undefined as unknown as Answer])
      assert.throws(
        () => proxy.upstream("app").answer(answer),
        /a server can't answer .*: give a text, a status, or \{/,
      );
  });

  it("closed is closed", async () => {
    const proxy = await testProxy(TWO);
    await proxy.close();
    await proxy.close();
    await assert.rejects(proxy.request("GET http://a.example/"), /is closed/);
  });

  it("waiting ends", async () => {
    await using proxy = await testProxy({ ...TWO, timeouts: { firstByte: "1h" } }, { within: "2m" });
    proxy.upstream("alone").fail("hang");
    await assert.rejects(proxy.request("GET http://alone.example/"), /no complete response within 120000 virtual ms/);
  });
});
