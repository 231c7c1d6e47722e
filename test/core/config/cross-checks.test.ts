import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { formatPath } from "../../../core/config/problem.ts";

const listeners: unknown[] = [":8080"];
const upstreams = { app: { servers: ["127.0.0.1:9000"] } };

function check(config: object, expected: readonly string[]): void {
  const result = compileConfig({ listeners, upstreams, routes: [{ respond: {} }], ...config });
  const lines =
    "problems" in result ? result.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`) : [];
  assert.equal(lines.length, expected.length, lines.join("\n"));
  for (const [index, start] of expected.entries())
    assert.ok(lines[index]?.startsWith(start), `${lines[index]}\ninstead of\n${start}`);
}

describe("what one part says about another", () => {
  const routes: [string, object, string[]][] = [
    [
      "an upstream that is not there",
      { upstream: "ap" },
      ['routes[0].upstream: no upstream is called "ap"; did you mean "app"?'],
    ],
    ["no action", { match: { path: "/" } }, ["routes[0]: does nothing"]],
    ["two actions", { upstream: "app", respond: {} }, ["routes[0].respond: a route has one action"]],
    [
      "a rewrite without upstream",
      { rewrite: { path: "/" }, respond: {} },
      ["routes[0].rewrite: only means something beside upstream"],
    ],
    ["a host without upstream", { host: "a", respond: {} }, ["routes[0].host: only means"]],
    ["an empty rewrite", { rewrite: {}, upstream: "app" }, ["routes[0].rewrite: is empty"]],
    [
      "two rewrites",
      { rewrite: { path: "/", stripPrefix: "/a" }, upstream: "app" },
      ["routes[0].rewrite.path: a rewrite is one of"],
    ],
    [
      "a body where none can be",
      { respond: { status: 204, body: "x" } },
      ["routes[0].respond.body: a response with status 204 has no body"],
    ],
    [
      "a listener that is not there",
      { match: { listener: "public" }, respond: {} },
      ["routes[0].match.listener[0]: no listener is called"],
    ],
    [
      "one inside not",
      { match: { not: { listener: "x" } }, respond: {} },
      ["routes[0].match.not[0].listener[0]: no listener"],
    ],
    ["an empty not", { match: { not: {} }, respond: {} }, ["routes[0].match.not[0]: is empty"]],
  ];
  for (const [name, route, expected] of routes) it(`finds ${name}`, () => check({ routes: [route] }, expected));

  it("takes the address of a listener for its name", () =>
    check({ routes: [{ match: { listener: ":8080" }, respond: {} }] }, []));

  it("finds an id that stands twice", () => {
    check(
      {
        routes: [
          { id: "a", respond: {} },
          { id: "a", respond: {} },
        ],
      },
      ['routes[1].id: "a" is already the id of routes[0]'],
    );
  });

  it("finds listeners with the same address or name", () => {
    check({ listeners: ["127.0.0.1:80", "localhost:80"] }, ['listeners[1]: "localhost:80" is already listeners[0]']);
    const named = [
      { address: ":1", name: "a" },
      { address: ":2", name: "a" },
    ];
    check({ listeners: named }, ['listeners[1].name: "a" is already the name of listeners[0]']);
  });

  it("finds bounds below what they bound", () => {
    const app = (own: object) => ({ upstreams: { app: { servers: ["127.0.0.1:9000"], ...own } } });
    check(app({ retries: { backoff: { base: "300ms", max: "250ms" } } }), [
      "upstreams.app.retries.backoff.max: is 250ms, shorter than base; make it longer",
    ]);
    check(app({ retries: { backoff: { base: "251ms" } } }), ["upstreams.app.retries.backoff.max: is 250ms"]);
    check(app({ retries: { backoff: { base: "250ms" } } }), []);
    check(app({ health: { ejection: { baseTime: "10m" } } }), [
      "upstreams.app.health.ejection.maxTime: is 5m, shorter than baseTime; make it longer",
    ]);
    check(app({ health: { ejection: { baseTime: "5m" } } }), []);
    check(app({ health: { ejection: false } }), []);
  });

  it("warns of what can have no effect", () => {
    const warnings = (own: object) => {
      const result = compileConfig({ listeners, upstreams: { app: own }, routes: [{ upstream: "app" }] });
      assert.ok(!("problems" in result));
      return result.warnings.map(({ path, message }) => `${formatPath(path)}: ${message}`);
    };
    const [one, two] = ["127.0.0.1:1", "127.0.0.1:2"];
    const hedge = { after: "1s" };
    assert.deepEqual(warnings({ servers: [one], hedge }), [
      "upstreams.app.hedge: needs a second server; with one it does nothing",
    ]);
    assert.deepEqual(warnings({ servers: [one, two], hedge }), []);
    assert.deepEqual(warnings({ servers: ["app.internal:1"], hedge }), []);
    assert.deepEqual(warnings({ servers: [{ srv: "_http._tcp.app" }], hedge }), []);
    const out = { address: two, state: "maintenance" };
    const expected = "upstreams.app.servers: none of them is ready: new requests are answered 503";
    assert.deepEqual(warnings({ servers: [out, { address: one, state: "drain" }] }), [expected]);
    assert.deepEqual(warnings({ servers: [out, one] }), []);
  });

  it("warns of an upstream that no route uses, but not where one may have meant it", () => {
    const warned = (...routes: object[]) =>
      compileConfig({ listeners, upstreams, routes }).warnings.map(({ message }) => message);
    assert.deepEqual(warned({ respond: {} }), ["no route uses this upstream"]);
    assert.deepEqual(warned({ upstream: "ap" }), []);
    assert.deepEqual(warned({ respond: {} }, { match: { path: "/" } }), []);
  });

  it("warns of no upstream where code may ask it: every hook has context.fetch", () => {
    const run = () => undefined;
    const warned = (own: object, hooks?: object) =>
      compileConfig({ listeners, upstreams, routes: [{ respond: {}, ...own }], hooks }).warnings;
    for (const hooks of [{ onRequest: run }, { transformRequestBody: run }, { onFinish: run }]) {
      assert.deepEqual(warned({ hooks }), []);
      assert.deepEqual(warned({}, hooks), []);
    }
    assert.equal(warned({ hooks: {} }, {}).length, 1);
  });

  it("warns of listeners that exclude each other", () => {
    const warned = (...addresses: unknown[]) => {
      const result = compileConfig({ listeners: addresses, routes: [{ respond: {} }] });
      assert.ok(!("problems" in result), JSON.stringify(result));
      return result.warnings.map(({ path, message }) => `${formatPath(path)}: ${message}`);
    };
    const [first] = warned(":80", "127.0.0.1:80");
    const what = "share a port, one of them on every address: only one of the two can listen";
    assert.equal(first, `listeners[1]: "127.0.0.1:80" and listeners[0] ${what}`);
    const whole = 'share a port: ":80" alone takes IPv4 and IPv6';
    assert.deepEqual(warned("0.0.0.0:80", "[::]:80"), [`listeners[1]: "[::]:80" and listeners[0] ${whole}`]);
    for (const pair of [
      ["127.0.0.1:80", ":80"],
      ["0.0.0.0:80", "127.0.0.1:80"],
      ["[::]:80", "127.0.0.1:80"],
      ["0.0.0.0:80", "[::]:80"],
      [":80", { address: "[::1]:80", reusePort: true }],
    ])
      assert.equal(warned(...pair).length, 1, JSON.stringify(pair));
    const shared = [":80", "127.0.0.1:80"].map((address) => ({ address, reusePort: true }));
    for (const pair of [
      [":80", "127.0.0.1:81"],
      ["0.0.0.0:80", "[::1]:80"],
      ["127.0.0.1:80", "[::1]:80"],
      [":0", "127.0.0.1:0"],
      shared,
    ])
      assert.deepEqual(warned(...pair), [], JSON.stringify(pair));
  });

  it("lets port 0 stand twice: each is a port of its own", () =>
    check({ listeners: ["127.0.0.1:0", "127.0.0.1:0"] }, []));
});
