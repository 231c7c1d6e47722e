import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { readPath } from "../../../core/http/path.ts";
import type { RouteConditions, RouteDefinition, RouteRequest } from "../../../core/route/route.ts";
import { compileTable } from "../../../core/route/table.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { path, problemsOf, type RequestParts, request, route, tableOf, taken } from "./definition.ts";

/** Every order of the routes gives the same answer, since none of them tie. */
function inAnyOrder(
  routes: readonly RouteDefinition[],
  cases: readonly (readonly [string, string, RequestParts?])[],
): void {
  for (let turn = 0; turn < routes.length; turn++) {
    const turned = [...routes.slice(turn), ...routes.slice(0, turn)];
    for (const order of [turned, [...turned].reverse()]) {
      const table = tableOf(...order);
      for (const [asked, expected, parts] of cases) {
        assert.equal(taken(table, request(asked, parts)), expected, `${asked} among ${order.map(({ id }) => id)}`);
      }
    }
  }
}

const on = (id: string, paths: string[], more: Partial<RouteConditions> = {}) =>
  route(id, { paths: paths.map(path), ...more });

describe("precedence", () => {
  it("takes exact hosts before longer wildcards before any", () => {
    inAnyOrder(
      [
        on("exact", [], { hosts: ["a.b.example.com"] }),
        on("deep", [], { hosts: ["*.b.example.com"] }),
        on("wide", [], { hosts: ["*.example.com", "example.org"] }),
        on("any", []),
      ],
      [
        ["/", "exact", { host: "a.b.example.com" }],
        ["/", "deep", { host: "x.b.example.com" }],
        ["/", "deep", { host: "y.x.b.example.com" }],
        ["/", "wide", { host: "b.example.com" }],
        ["/", "wide", { host: "example.org" }],
        ["/", "any", { host: "example.com" }],
        ["/", "any", { host: ".example.com" }],
        ["/", "any", { host: "badexample.com" }],
        ["/", "any", { host: "[::1]" }],
        ["/", "any", { host: "" }],
      ],
    );
  });

  it("takes exact paths before parameters before longest prefixes before expressions before none", () => {
    inAnyOrder(
      [
        on("exact", ["/users/me"]),
        on("parameter", ["/users/:id"]),
        on("deep", ["/users/7/*"]),
        on("wide", ["/users/*"]),
        on("regex", ["~^/[a-z]+$"]),
        on("none", []),
      ],
      [
        ["/users/me", "exact"],
        ["/users/7", "parameter"],
        ["/users/", "wide"],
        ["/users/7/x", "deep"],
        ["/users/8/x", "wide"],
        ["/users", "wide"],
        ["/usersx", "regex"],
        ["/users1", "none"],
        ["/", "none"],
        ["*", "none"],
      ],
    );
  });

  it("N08 keeps to the borders of segments", () => {
    inAnyOrder(
      [on("api", ["/api/*"]), on("rest", [])],
      [
        ["/api", "api"],
        ["/api/", "api"],
        ["/api/x/y", "api"],
        ["/apix", "rest"],
        ["/ap", "rest"],
        ["/API/x", "rest"],
        ["/x/api", "rest"],
      ],
    );
  });

  it("prefers literal segments to parameters from the left, and deeper patterns", () => {
    inAnyOrder(
      [
        on("ab", ["/a/:x/c"]),
        on("xb", ["/:x/b/c"]),
        on("rest", ["/a/:x/*"]),
        on("deeper", ["/a/b/:y/*"]),
        on("short", ["/:x/*"]),
      ],
      [
        ["/a/b/c", "ab"],
        ["/z/b/c", "xb"],
        ["/a/b/d", "deeper"],
        ["/a/z/d", "rest"],
        ["/a/z", "rest"],
        ["/a/", "short"],
        ["/z", "short"],
        ["/", "-"],
        ["//b/c", "400"],
      ],
    );
  });

  it("takes expressions in file order", () => {
    const first = on("first", ["~/x"]);
    const second = on("second", ["~^/x"], { methods: ["GET"] });
    assert.equal(taken(tableOf(first, second), request("/x")), "first");
    assert.equal(taken(tableOf(second, first), request("/x")), "second");
  });

  it("takes routes with a method first, then those with more conditions, then file order", () => {
    const header = { name: "x", value: "1", regex: false };
    inAnyOrder(
      [
        on("method", ["/a"], { methods: ["GET"] }),
        on("two", ["/a"], { headers: [header], listeners: ["web"] }),
        on("one", ["/a"], { headers: [header] }),
        on("plain", ["/a"]),
      ],
      [
        ["/a", "method", { headers: { x: "1" } }],
        ["/a", "two", { method: "PUT", headers: { x: "1" } }],
        ["/a", "one", { method: "PUT", headers: { x: "1" }, listener: "other" }],
        ["/a", "plain", { method: "PUT" }],
      ],
    );
    assert.equal(taken(tableOf(on("1", ["/a"]), on("2", ["/a"])), request("/a")), "1");
  });

  it("goes on to the next path and the next host where conditions fail", () => {
    inAnyOrder(
      [
        on("post", ["/a"], { hosts: ["h.example.com"], methods: ["POST"] }),
        on("wild", ["/a/*"], { hosts: ["*.example.com"], methods: ["PUT", "POST"] }),
        on("any", ["/b", "/a/*"]),
      ],
      [
        ["/a", "post", { host: "h.example.com", method: "POST" }],
        ["/a", "wild", { host: "h.example.com", method: "PUT" }],
        ["/a", "any", { host: "h.example.com", method: "GET" }],
        ["/b", "any", { host: "h.example.com" }],
        ["/c", "-", { host: "h.example.com" }],
      ],
    );
  });

  it("lists routes in the order they are tried", () => {
    const table = tableOf(
      on("none", []),
      on("regex", ["~x"]),
      on("deep", ["/a/b/*"]),
      on("exact", ["/a"]),
      on("host", [], { hosts: ["h"] }),
      on("wide", ["/a/*"]),
    );
    assert.deepEqual(
      table.routes.map(({ id }) => id),
      ["host", "exact", "deep", "wide", "regex", "none"],
    );
  });
});

describe("two readings of a path", () => {
  const table = tableOf(
    on("admin", ["/admin/*"]),
    on("public", ["/public/*"]),
    on("encoded", ["/x%2Fy"]),
    on("rest", []),
  );

  it("N01 N05 leads to the same route when both agree", () => {
    for (const asked of ["/public/../admin/x", "/%61dmin", "/./admin", "/public/%2e%2e/admin"]) {
      assert.equal(taken(table, request(asked)), "admin", asked);
    }
    for (const asked of ["/public/a%2fb", "/public//x", "/public/x;v=1", "/public/%252e%252e/admin"]) {
      assert.equal(taken(table, request(asked)), "public", asked);
    }
    for (const asked of ["/ADMIN", "/admin.", "/admin%20", "/%41dmin", "/@scope%2fname"]) {
      assert.equal(taken(table, request(asked)), "rest", asked);
    }
  });

  it("N02 N03 N04 is refused when they differ", () => {
    for (const asked of [
      "//admin",
      "/%2fadmin",
      "/admin;x=y",
      "/admin;/x",
      "/admin%2fx",
      "/%2561dmin%2f..",
      "/public%2f..%2fadmin",
      "/public//../admin",
      "/admin%00",
    ]) {
      assert.equal(taken(table, request(asked)), "400", asked);
    }
  });

  it("takes patterns that name such characters at their word", () => {
    assert.equal(taken(table, request("/x%2fy")), "encoded");
    assert.equal(taken(table, request("/x/y")), "rest");
  });

  it("doesn't matter to a table that asks for no path", () => {
    const hosts = tableOf(on("h", [], { hosts: ["h"] }), on("rest", []));
    assert.equal(taken(hosts, request("//admin;x", { host: "h" })), "h");
  });
});

describe("a table", () => {
  it("answers at once when its first route asks for nothing", () => {
    const untouchable = new Proxy({} as RouteRequest, {
      get: (_, property) => assert.fail(`asked for ${String(property)}`),
    });
    const table = tableOf(route("all", {}));
    const match = table.match(untouchable);
    assert.ok(match !== null && match !== "ambiguous");
    assert.equal(match.route.id, "all");
    assert.equal(table.match(untouchable), match);
    assert.equal(taken(tableOf(route("all", { paths: [path("/*")], hosts: ["*"] })), untouchable as never), "all");
  });

  it("makes a match only where captures are used", () => {
    const table = tableOf(
      on("plain", ["/a/:x"]),
      route("used", { paths: [path("/b/:x/*")] }, { host: "${path.x}.internal" }),
    );
    assert.equal(table.match(request("/a/1")), table.match(request("/a/2")));
    const match = table.match(request("/b/1/c/d"));
    assert.ok(match !== null && match !== "ambiguous");
    assert.deepEqual(
      [match.names, match.captures],
      [
        ["x", ""],
        ["1", "c/d"],
      ],
    );
  });

  it("H14 treats names of built-in properties as data", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const empty = tableOf(on("x", ["/x/:id"], { hosts: ["x"] }));
    const full = tableOf(...names.map((name) => on(name, [`/${name}`, `/${name}/*`], { hosts: [name.toLowerCase()] })));
    for (const name of names) {
      const parts = { host: name.toLowerCase() };
      assert.equal(taken(empty, request(`/${name}`, parts)), "-");
      assert.equal(taken(full, request(`/${name}`, parts)), name);
      assert.equal(taken(full, request(`/${name}/z`, parts)), name);
    }
  });

  it("reports all problems at once, each with its place", () => {
    const compiled = compileTable([
      on("good", ["/a"]),
      route(
        "bad",
        {
          hosts: ["ok", "a b"],
          paths: [path("~(?=x)"), path("/a/../b")],
          clients: ["10.0.0.0/8", "10.0.0.0/99"],
          headers: [{ name: "x", value: "(", regex: true }],
          not: [{ ...route("", {}).match, hosts: ["x:80"] }, route("", {}).match],
        },
        { rewrite: { kind: "replace", to: "/${nope}" }, host: "a/b" },
      ),
    ]);
    assert.ok("problems" in compiled);
    assert.deepEqual(compiled.problems.map((problem) => `${problem.route} ${problem.path.join(".")}`).sort(), [
      "1 host",
      "1 match.clients.1",
      "1 match.headers.0",
      "1 match.hosts.1",
      "1 match.not.0",
      "1 match.not.0.hosts.0",
      "1 match.not.1",
      "1 match.paths.0",
      "1 match.paths.1",
      "1 rewrite.to",
    ]);
    assert.deepEqual(problemsOf(route("fine", {})), []);
  });
});

/**
 * The reference: every (host, path) pair of every route is tested by itself, and the best by the rules of the
 * issue wins. It shares no code with the table.
 */
interface Pair {
  readonly definition: RouteDefinition;
  readonly index: number;
  readonly host: string;
  readonly path: string;
}

const hostFits = (host: string, asked: string) =>
  host === "*" ||
  host === asked ||
  (host.startsWith("*.") && asked.endsWith(host.slice(1)) && asked.length >= host.length);

function pathFits(pattern: string, asked: string): boolean {
  if (pattern === "") return true;
  if (pattern.startsWith("~")) return new RegExp(pattern.slice(1)).test(asked);
  const source = pattern.replace(/\/\*$/, "(?:/.*)?").replace(/\/:[a-z]+/g, "/[^/]+");
  return new RegExp(`^${source}$`).test(asked);
}

const hostOrder = (host: string) => (host === "*" ? 0 : host.startsWith("*.") ? host.split(".").length : 99);

/** Larger is earlier: class, then one digit per segment (literal 3, parameter 2, rest 1). */
function pathOrder(pattern: string): string {
  if (pattern === "") return "0";
  if (pattern.startsWith("~")) return "1";
  if (!pattern.includes(":") && !pattern.endsWith("/*")) return "4";
  const digits = pattern
    .split("/")
    .slice(1)
    .map((segment) => (segment === "*" ? "1" : segment.startsWith(":") ? "2" : "3"));
  return `${pattern.endsWith("/*") ? "2" : "3"}${digits.join("")}`;
}

function reference(pairs: readonly Pair[], asked: { host: string; method: string; path: string }): string {
  const fitting = pairs.filter(
    ({ definition: { match }, host, path: pattern }) =>
      hostFits(host, asked.host) &&
      pathFits(pattern, asked.path) &&
      (match.methods.length === 0 || match.methods.includes(asked.method)) &&
      (match.listeners.length === 0 || match.listeners.includes("web")),
  );
  fitting.sort((left, right) => {
    const [one, two] = [pathOrder(left.path), pathOrder(right.path)];
    if (hostOrder(left.host) !== hostOrder(right.host)) return hostOrder(right.host) - hostOrder(left.host);
    if (one !== two) return one > two ? -1 : 1;
    const { methods, listeners } = left.definition.match;
    const other = right.definition.match;
    const byConditions =
      Number(other.methods.length > 0) - Number(methods.length > 0) ||
      Number(other.listeners.length > 0) - Number(listeners.length > 0);
    return (one === "1" ? 0 : byConditions) || left.index - right.index;
  });
  return fitting[0]?.definition.id ?? "-";
}

const segment = fc.constantFrom("a", "b", "c");
const hostPattern = fc.constantFrom("*", "x.com", "a.x.com", "*.x.com", "*.a.x.com", "*.com", "b.a.x.com");
const pathText = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
const pathPattern = fc.oneof(
  pathText,
  pathText.filter((text) => text !== "/").map((text) => `${text}/*`),
  fc
    .tuple(fc.array(fc.oneof(segment, fc.constant(":")), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(
      ([segments, rest]) =>
        `/${segments.map((one, index) => (one === ":" ? `:p${"abc"[index]}` : one)).join("/")}${rest ? "/*" : ""}`,
    ),
  fc.constantFrom("~^/a", "~b$", "~/[ab]/c", "~c"),
);
const definition = fc.record({
  hosts: fc.array(hostPattern, { maxLength: 2 }),
  paths: fc.array(pathPattern, { maxLength: 2 }),
  methods: fc.subarray(["GET", "PUT"]),
  listeners: fc.subarray(["web", "other"]),
});
const asked = fc.record({
  host: fc.constantFrom("x.com", "a.x.com", "b.a.x.com", "z.a.x.com", "y.com", "other", ""),
  path: fc
    .array(fc.oneof({ weight: 6, arbitrary: segment }, fc.constantFrom("d", "", "%61", "b;v", "a%2fb", "%24")), {
      maxLength: 4,
    })
    .map((segments) => `/${segments.join("/")}`),
  method: fc.constantFrom("GET", "PUT", "POST"),
});

describe("one reading of a path", () => {
  it("leads to a route of its own", () => {
    const table = tableOf(on("escaped", ["/a%2Fb"]), on("below", ["/a/*"]), on("any", []));
    const by = (text: string, reading: "literal" | "decoded") => {
      const found = table.matchReading(request("/a%2Fx"), text, reading);
      return found === null || found === "ambiguous" ? found : found.route.id;
    };
    assert.equal(taken(table, request("/a%2Fx")), "400");
    assert.deepEqual([by("/a%2Fx", "literal"), by("/a/x", "decoded")], ["any", "below"]);
    // Patterns are compared in the same reading.
    assert.deepEqual([by("/a/b", "literal"), by("/a/b", "decoded")], ["below", "escaped"]);
    assert.equal(tableOf(on("always", [])).matchReading(request("/"), "/", "literal") === null, false);
  });
});

describe("a table compared with trying every route", () => {
  it("takes the same route", () => {
    const property = fc.property(
      fc.array(definition, { minLength: 1, maxLength: 14 }),
      fc.array(asked, { minLength: 8, maxLength: 8 }),
      (parts, requests) => {
        const routes = parts.map(({ paths, ...rest }, index) =>
          route(String(index), { ...rest, paths: paths.map(path) }),
        );
        const pairs = parts.flatMap(({ hosts, paths }, index) =>
          (hosts.length === 0 ? ["*"] : hosts).flatMap((host) =>
            (paths.length === 0 ? [""] : paths).map((one) => ({ definition: routes[index]!, index, host, path: one })),
          ),
        );
        const table = tableOf(...routes);
        for (const one of requests) {
          const read = readPath(one.path);
          assert.ok("literal" in read);
          const [literal, decoded] = [read.literal, read.decoded].map((text) =>
            reference(pairs, { ...one, path: text }),
          );
          assert.equal(
            taken(table, request(one.path, one)),
            literal === decoded ? literal : "400",
            JSON.stringify(one),
          );
        }
      },
    );
    alwaysHolds(property, 1_250);
  });

  it("takes the same route among 10,000", () => {
    const noRegex = pathPattern.filter((text) => !text.startsWith("~"));
    const texts = fc.sample(fc.record({ host: hostPattern, path: noRegex }), { numRuns: 200, seed: 7 });
    const all = Array.from({ length: 10_000 }, (_, index) => {
      const { host, path: pattern } = texts[index % texts.length]!;
      return { host, path: `/n${Math.floor(index / texts.length)}${pattern}` };
    });
    const routes = all.map((one, index) => route(String(index), { hosts: [one.host], paths: [path(one.path)] }));
    const pairs = all.map((one, index) => ({ definition: routes[index]!, index, ...one }));
    const table = tableOf(...routes);
    const requests = fc
      .sample(asked, { numRuns: 40, seed: 8 })
      .map((one, index) => ({ ...one, path: `/n${index}${one.path}` }));
    for (const one of requests) {
      const plain = { ...request(one.path, one), pathIsPlain: true };
      const byNumber = pairs.filter(
        (pair) => pair.path.startsWith(`${one.path.split("/", 2).join("/")}/`) || pair.path === one.path,
      );
      assert.equal(taken(table, plain), reference(byNumber, one), JSON.stringify(one));
    }
    const started = performance.now();
    const rounds = 50;
    for (let round = 0; round < rounds; round++)
      for (const one of requests) taken(table, { ...request(one.path, one), pathIsPlain: true });
    const each = ((performance.now() - started) * 1_000) / rounds / requests.length;
    console.log(`# 10,000 routes: ${each.toFixed(1)} µs a request, making it included`);
  });
});
