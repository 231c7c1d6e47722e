import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { lintConfig } from "../../../core/config/lint.ts";
import { formatPath } from "../../../core/config/problem.ts";
import { processorMs } from "../../support/processor-time.ts";

const DEFAULT = { id: "default", respond: { status: 404 } };

function lint(routes: object[], more: object = {}): string[] {
  const value = { listeners: [":80", { address: ":81", name: "inner" }], routes, ...more };
  const compiled = compileConfig(value);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return lintConfig(compiled, value).map(({ path, message }) => `${formatPath(path)}: ${message.split(";")[0]}`);
}
const route = (id: string, match: object) => ({ id, match, respond: {} });

describe("routes that never win", () => {
  it("are found where another one asks for the very same", () => {
    const takes = (first: object, second: object) => lint([route("a", first), route("b", second), DEFAULT]);
    const never = ["routes[1]: never wins: a comes before it and takes all that it asks for"];
    assert.deepEqual(takes({ path: "/x" }, { path: "/x" }), never);
    assert.deepEqual(takes({ host: ["a", "b"], path: "/x" }, { host: "b", path: "/x" }), never);
    assert.deepEqual(takes({ path: "/u/:id" }, { path: "/u/:name" }), never);
    assert.deepEqual(takes({ method: ["GET", "PUT"] }, { method: "GET" }), never);
    assert.deepEqual(takes({ header: { A: "1", B: true } }, { header: { b: true, a: "1" } }), never);
    assert.deepEqual(takes({ path: "/x" }, { path: ["/x", "/y"] }), [
      "routes[1]: never wins for * /x: a comes before it there",
    ]);
  });

  it("name all that come before them", () => {
    assert.deepEqual(
      lint([route("a", { path: "/x" }), route("b", { path: "/y" }), route("c", { path: ["/x", "/y"] }), DEFAULT]),
      ["routes[2]: never wins: a, b come before it and take all that it asks for"],
    );
  });

  it("are not suspected where it is not certain", () => {
    const takes = (first: object, second: object) => lint([route("a", first), route("b", second), DEFAULT]);
    for (const [first, second] of [
      [{ path: "/x" }, { path: "/x", method: "GET" }],
      [{ path: "/x", method: "GET" }, { path: "/x" }],
      [
        { path: "/x", header: { A: "1" } },
        { path: "/x", header: { A: "2" } },
      ],
      [{ path: "/x/*" }, { path: "/x/y" }],
      [{ host: "*.a" }, { host: "b.a" }],
      [
        { path: "/x", listener: "inner" },
        { path: "/x", listener: ":80" },
      ],
      [{ path: "/x", not: { method: "GET" } }, { path: "/x" }],
    ] as const)
      assert.deepEqual(takes(first, second), [], JSON.stringify([first, second]));
  });

  it("are found where their own `not` refuses everything", () => {
    const message =
      "routes[0].match.not[0]: refuses every request that the rest of `match` accepts: the route never wins";
    assert.deepEqual(lint([route("a", { path: "/x", not: { path: ["/x", "/y"] } }), DEFAULT]), [message]);
    assert.deepEqual(lint([route("a", { path: "/x", not: { path: "/x", method: "GET" } }), DEFAULT]), []);
  });

  it("are found fast among many that differ in methods only", () => {
    const value = {
      listeners: [":80"],
      routes: [route("r", { host: "a.example", path: "/x", method: "M0" }), DEFAULT],
    };
    const compiled = compileConfig(value);
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
    const [first, last] = compiled.snapshot.table.routes;
    const many = Array.from({ length: 10_000 }, (_, i) => {
      const match = { ...first!.definition.match, methods: ["GET", `M${i}`] };
      return { definition: { ...first!.definition, id: `routes[${i}]`, match } };
    });
    const again = { definition: { ...many[7]!.definition, id: "again" } };
    const snapshot = { ...compiled.snapshot, table: { routes: [...many, again, last] } };
    let found: readonly { readonly message: string }[] = [];
    const tookMs = processorMs(() => {
      found = lintConfig({ ...compiled, snapshot } as never, { routes: [...many.keys()].map(() => ({})) });
    });
    // One by one it takes half a minute.
    assert.ok(tookMs < 8_000, `${tookMs} ms`);
    assert.equal(found.filter(({ message }) => message.startsWith("never wins: ")).length, 1);
  });

  it("looks at no program that is mounted", () => {
    const app: Record<string, unknown> = { fetch: () => new Response(), unsafeX: true, regex: "(a+)+" };
    app["self"] = app;
    assert.deepEqual(lint([{ id: "app", mount: app }]), []);
  });

  it("are found fast among ten thousand", () => {
    const routes = Array.from({ length: 10_000 }, (_, i) =>
      route(`r${i}`, { host: `h${i}.example`, path: ["/a", "/b/*"] }),
    );
    const tookMs = processorMs(() =>
      assert.deepEqual(lint([...routes, { ...routes[5], id: "again" }, DEFAULT]).length, 1),
    );
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
  });
});

describe("what was hardly meant", () => {
  it("is to have no default", () => {
    const text = "routes: no route takes what the others don't";
    assert.deepEqual(lint([route("a", { path: "/x" })]), [`${text}: such requests are answered 404`]);
    assert.deepEqual(lint([route("a", { listener: ":80" })]), [
      `${text} on listener inner: such requests are answered 404`,
    ]);
    assert.deepEqual(lint([route("a", { path: "/*" })]), []);
    assert.deepEqual(lint([route("a", { listener: ":80" }), route("b", { listener: "inner" })]), []);
  });

  it("is an expression that repeats what repeats", () => {
    assert.deepEqual(lint([route("a", { path: { regex: "^/(a+)+$" } }), DEFAULT]), [
      "routes[0].match.path.regex: repeats what repeats already: linear here, exponential in engines that backtrack",
    ]);
  });

  it("is no name that somebody has given", () => {
    const app = { servers: ["10.0.0.1:80"], retries: { attempts: 1 } };
    const request = { set: { unsafeX: "1", regex: "(a+)+" } };
    const match = { header: { regex: "(a+)+", unsafeY: true }, query: { unsafeZ: "1" } };
    const routes = [{ id: "r", match, request, upstream: "unsafeOld" }, DEFAULT];
    assert.deepEqual(lint(routes, { upstreams: { unsafeOld: app } }), []);
    const header = { "X-A": { regex: "(a+)+" } };
    assert.equal(lint([{ id: "r", match: { header }, respond: {} }, DEFAULT]).length, 1);
  });

  it("is what gives up safety, wherever it stands, said once", () => {
    const app = (retries: object) => ({ upstreams: { app: { servers: ["10.0.0.1:80"], retries } } });
    const routes = [{ upstream: "app" }];
    // The compiler has words of its own for this one.
    assert.deepEqual(lint(routes, app({ unsafeRetryNonIdempotent: true })), []);
    assert.deepEqual(lint(routes, app({ unsafeRetryNonIdempotent: false })), []);
    const value = { listeners: [":80"], routes: [DEFAULT], tls: { unsafeSkipVerify: true } };
    const compiled = compileConfig({ listeners: [":80"], routes: [DEFAULT] });
    assert.ok("snapshot" in compiled);
    assert.deepEqual(
      lintConfig(compiled, value).map(({ path }) => formatPath(path)),
      ["tls.unsafeSkipVerify"],
    );
  });
});

describe("texts that mean something else", () => {
  it("are braces in a path", () => {
    for (const path of ["/users/{id}", "/users/{id}/*", "/:a/{rest...}"])
      assert.match(
        lint([route("a", { path }), DEFAULT]).join(),
        /^routes\[0\]\.match\.path: "\{(id|rest\.\.\.)\}" is text here$/,
      );
    assert.deepEqual(lint([route("a", { path: [{ regex: "^/[a-z]{2}$" }, "/{}", "/a:b"] }), DEFAULT]), []);
  });

  it("are prefixes to strip that no path of the route begins with", () => {
    const strip = (stripPrefix: string, path: unknown, more: object = {}) =>
      lint(
        [{ id: "a", match: { host: "a.example", path }, rewrite: { stripPrefix }, upstream: "app", ...more }, DEFAULT],
        {
          upstreams: { app: { servers: ["10.0.0.1:80"] } },
        },
      );
    for (const path of ["/b/*", "/a", "/", "/a/x/c", ["/b", "/c/*"], "/a/c/:id"])
      assert.deepEqual(strip("/a/b", path), [
        'routes[0].rewrite.stripPrefix: no path of the route begins with "/a/b": nothing is taken off',
      ]);
    for (const path of ["/a/b/*", "/a/*", "/a/b", "/*", ["/b", "/a/b"], "/:x/b", "/a/:x", { regex: "^/b" }, "/%61/c"])
      assert.deepEqual(strip("/a/b/", path), [], JSON.stringify(path));
    assert.deepEqual(strip("/", "/b"), []);
    assert.deepEqual(strip("/a", "/b", { hooks: { onRequest: () => undefined } }), []);
  });

  it("are blocks with an address in them", () => {
    const routes = [route("a", { client: "192.168.1.7/24", not: { client: ["10.0.0.0/8", "fd00::1/8"] } }), DEFAULT];
    assert.deepEqual(lint(routes, { trustedProxies: ["10.0.0.1/8", "10.0.0.1", "10.0.0.1/32", "unix"] }), [
      'routes[0].match.client: "192.168.1.7/24" is all of 192.168.1.0/24',
      'routes[0].match.not.client[1]: "fd00::1/8" is all of fd00::/8',
      'trustedProxies[0]: "10.0.0.1/8" is all of 10.0.0.0/8',
    ]);
    assert.deepEqual(lint([DEFAULT], { allowTargets: "10.20.0.1/16" }), [
      'allowTargets: "10.20.0.1/16" is all of 10.20.0.0/16',
    ]);
  });
});

describe("a hook that never runs", () => {
  it("is one about servers on a route that asks none", () => {
    const hook = () => undefined;
    const hooks = { onRequest: hook, decide: hook, onResponse: hook, onFinish: hook };
    const asked = { upstreams: { app: { servers: ["10.0.0.1:80"] } } };
    assert.deepEqual(
      lint([
        { hooks, respond: {} },
        { match: { path: "/a" }, hooks, mount: () => new Response() },
      ]),
      [
        "routes[1].hooks.decide: never runs: `mount` asks no server",
        "routes[1].hooks.onResponse: never runs: `mount` asks no server",
        "routes[0].hooks.decide: never runs: `respond` asks no server",
        "routes[0].hooks.onResponse: never runs: `respond` asks no server",
      ],
    );
    assert.deepEqual(lint([{ hooks, upstream: "app" }], asked), []);
  });
});
