import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Explainer, explain } from "../../../core/explain/explain.ts";
import { seeded } from "../../../testing/seeded.ts";
import { testProxy } from "../../../testing/test-proxy.ts";
import { processorMs } from "../../support/processor-time.ts";
import { snapshotOf } from "./config.ts";

const snapshot = snapshotOf();
const PLAIN = { listeners: [":80"], upstreams: { app: { servers: ["10.0.0.1:80"] } }, routes: [{ upstream: "app" }] };
const ask = (line: string, fields: [string, string][] = [], more: object = {}) =>
  explain(snapshot, { line, fields, ...more });

describe("an explanation", () => {
  it("shows what would be sent, and where", () => {
    const { route, upstream, sent, refused, answer } = ask("GET http://a.example/api/x?q", [["X-Mine", "1"]], {
      client: "192.0.2.9",
    });
    assert.equal(refused, null);
    assert.equal(answer, null);
    assert.deepEqual(route, { id: "api", place: 1, of: 5, action: "upstream app" });
    assert.equal(sent?.line, "GET /x?q HTTP/1.1");
    assert.ok(sent?.isRewritten);
    for (const field of ["Host: a.example", "X-Mine: 1", "X-Forwarded-For: 192.0.2.9"])
      assert.ok(sent?.fields.includes(field), field);
    assert.equal(upstream?.chosen, "10.0.0.1:80");
    assert.deepEqual(
      upstream?.servers.map(({ server, weight, state, skipped }) => [server, weight, state, skipped.split(":")[0]]),
      [
        ["10.0.0.1:80", 2, "up", ""],
        ["10.0.0.2:80", 1, "drain", "drain"],
        ["10.0.0.3:80", 1, "up", "backup"],
      ],
    );
  });

  it("tells servers of plain HTTP, which is all that listeners speak, unless who is trusted says else", () => {
    const protoOf = (client: string, fields: [string, string][] = []): string[] =>
      explain(snapshotOf({ ...PLAIN, trustedProxies: ["10.0.0.0/8"] }), {
        line: "https://a.example/",
        fields,
        client,
      }).sent?.fields.filter((field) => field.startsWith("X-Forwarded-Proto")) ?? [];
    assert.deepEqual(protoOf("192.0.2.9"), ["X-Forwarded-Proto: http"]);
    assert.deepEqual(protoOf("192.0.2.9", [["X-Forwarded-Proto", "https"]]), ["X-Forwarded-Proto: http"]);
    assert.deepEqual(protoOf("10.0.0.9", [["X-Forwarded-Proto", "https"]]), ["X-Forwarded-Proto: https"]);
  });

  it("calls the client as a socket would, however its address was written", async () => {
    const config = {
      listeners: [":80"],
      upstreams: { app: { servers: [1, 2, 3, 4].map((i) => `10.0.0.${i}:80`), balance: "client-address" } },
      routes: [{ upstream: "app" }],
    } as const;
    const explainer = new Explainer(snapshotOf(config));
    await using proxy = await testProxy(config);
    for (const [written, address] of [
      ["2001:DB8:0::1", "2001:db8::1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["::FFFF:0a00:0001", "10.0.0.1"],
      ["2001:db8:0:0:0:0:0:7", "2001:db8::7"],
    ] as const) {
      const { client, sent, upstream } = explainer.explain({ line: "GET /", fields: [], client: written });
      assert.equal(client, address);
      assert.ok(sent?.fields.includes(`X-Forwarded-For: ${address}`), sent?.fields.join("\n"));
      for (const each of [written, address]) {
        const { server } = await proxy.request("GET /", { client: each });
        assert.equal(upstream?.chosen, server, each);
      }
    }
  });

  it("says why the others were not taken", () => {
    const { rejected, route } = ask("GET http://b.example/api/x");
    assert.equal(route, null);
    assert.deepEqual(rejected[0], { id: "api", failing: ["wants host a.example, got b.example"] });
    const inner = rejected.find(({ id }) => id === "inner");
    assert.deepEqual(inner?.failing, [
      "wants header x-a: 1, got none",
      "wants query q: 1, got none",
      "wants listener inner, got :80",
    ]);
  });

  it("shows answers, code that decides, and servers nobody looked for", () => {
    assert.equal(ask("GET /old/x").answer, "301, Location: /new");
    const code = ask("GET /code");
    assert.equal(code.route?.action, "decided by a function");
    assert.deepEqual(
      code.hooks.map(({ name, timeoutMs, fallback }) => [name, timeoutMs, fallback]),
      [
        ["routes.code.target", 200, "upstream app"],
        ["hooks.onFinish", 1_000, "ignore"],
      ],
    );
    assert.ok(code.sent);
    const named = ask("GET /named");
    assert.ok(named.upstream?.isIncomplete);
    assert.deepEqual(
      named.limits.find(({ name }) => name === "requestBody"),
      { name: "requestBody", value: 1024, from: "route" },
    );
  });

  it("shows that a program answers no request to switch protocols", async () => {
    const config = { listeners: [":80"], routes: [{ id: "m", mount: () => new Response("mounted") }] };
    const fields: [string, string][] = [
      ["Connection", "Upgrade"],
      ["Upgrade", "chat"],
    ];
    await using proxy = await testProxy(config as never);
    const { status } = await proxy.request("GET /", { headers: Object.fromEntries(fields) });
    assert.equal(status, 501);
    assert.equal(explain(snapshotOf(config), { line: "GET /", fields }).answer, "501");
    assert.equal(explain(snapshotOf(config), { line: "GET /", fields: [] }).answer, null);
  });

  it("shows refusals as the proxy would make them", () => {
    for (const [line, fields, code] of [
      ["TRACE /x", [], "client.method-not-allowed"],
      ["GET http://nowhere/", [], "client.no-route"],
      [
        "GET /x",
        [
          ["Host", "a"],
          ["Host", "b"],
        ],
        "client.bad-host",
      ],
      [
        "GET /x",
        [
          ["Content-Length", "1"],
          ["Transfer-Encoding", "chunked"],
        ],
        "client.length-and-chunked",
      ],
      ["GET /%zz", [], "client.bad-path"],
    ] as const) {
      assert.equal(
        ask(
          line,
          fields.map((each) => [...each] as [string, string]),
        ).refused?.code,
        code,
        line,
      );
    }
    assert.throws(() => ask("no request at all"), TypeError);
    assert.throws(() => ask("GET /x", [["A", "b\r\nC: d"]]), TypeError);
  });

  it("says why a path is refused, and leaves out what was not asked for", () => {
    assert.equal(ask("GET /%zz").refused?.detail, "it has a % without two hexadecimal digits");
    assert.deepEqual(ask("GET /%zz").rejected, []);
    assert.equal(ask("OPTIONS *").request, "OPTIONS * at http://localhost");
    assert.match(
      ask("GET /old%2Fx").refused?.detail ?? "",
      /^it can be read as \/old%2Fx, which leads to no route, and as/,
    );
    assert.equal(ask("GET http://nowhere/").refused?.detail, "");
    const short = explain(snapshot, { line: "GET /old/x", fields: [] }, { withRejected: false });
    assert.deepEqual([short.route?.id, short.rejected], ["old", []]);
  });

  it("is made for many requests without work for all routes", () => {
    const routes = Array.from({ length: 2_000 }, (_, i) => ({
      id: `s${i}`,
      match: { host: `s${i}.example` },
      respond: {},
    }));
    const explainer = new Explainer(snapshotOf({ listeners: [":80"], routes }), { withRejected: false });
    const tookMs = processorMs(() => {
      for (let i = 0; i < 2_000; i++)
        assert.equal(explainer.explain({ line: `GET http://s${i}.example/`, fields: [] }).route?.id, `s${i}`);
    });
    // Four million reasons take a minute.
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
  });

  it("says what the running proxy does", async () => {
    const { next: random, pick } = seeded(7);
    const config = {
      listeners: [":80"],
      upstreams: { one: { servers: ["10.0.0.1:80"] }, two: { servers: ["10.0.0.2:80"] } },
      routes: [
        { id: "a", match: { host: "a.example", path: "/x/*" }, upstream: "one", rewrite: { stripPrefix: "/x" } },
        {
          id: "b",
          match: { host: ["*.example"], method: "POST" },
          upstream: "two",
          request: { set: { "X-B": "${request.path}" } },
        },
        { id: "c", match: { path: { regex: "^/r[0-9]" } }, upstream: "one", host: "inner.example" },
        {
          id: "d",
          match: { path: "/u/:id", not: { header: { "X-No": true } } },
          upstream: "two",
          rewrite: { path: "/users/${path.id}" },
        },
        { id: "e", match: { path: "/gone" }, respond: { status: 410 } },
      ],
    };
    const compiled = snapshotOf(config);
    await using proxy = await testProxy(config as never);
    for (let i = 0; i < 150; i++) {
      const line = `${pick(["GET", "POST"])} http://${pick(["a.example", "b.example", "other"])}${pick(["/x/y", "/x", "/r1", "/u/7", "/u/7%2F8", "/gone", "/../x/z", "/%zz", "/x//y"])}${pick(["", "?q=1"])}`;
      const fields: [string, string][] = random() < 0.3 ? [["X-No", "1"]] : [];
      const told = explain(compiled, { line, fields });
      const before = proxy.received.length;
      const response = await proxy.request(line, { headers: Object.fromEntries(fields) });
      const sent = proxy.received[before];
      assert.equal(told.route?.id ?? "", response.route, line);
      assert.equal(told.refused?.code ?? "", response.fault, line);
      assert.equal(told.upstream?.name ?? "", sent === undefined ? "" : response.upstream, line);
      if (sent === undefined) continue;
      assert.equal(told.sent?.line, `${sent.method} ${sent.target} HTTP/1.1`, line);
      const expected = sent.fields
        .map(([name, value]) => `${name}: ${value}`)
        .filter((each) => !each.startsWith("Content-Length"));
      assert.deepEqual(told.sent?.fields, expected, line);
    }
  });
});
