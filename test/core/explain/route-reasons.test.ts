import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { whyNotRouted } from "../../../core/explain/path-readings.ts";
import { READ_AS, rejectedRoutes } from "../../../core/explain/route-reasons.ts";
import { NO_CONDITIONS } from "../../../core/route/predicates.ts";
import type { RouteConditions, RouteDefinition, RouteRequest } from "../../../core/route/route.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { path, request as requestOf, route, tableOf, taken } from "../route/definition.ts";
import { snapshotOf } from "./config.ts";

const request: RouteRequest = {
  host: "a.example",
  method: "GET",
  path: "/api/x",
  query: "",
  pathIsPlain: true,
  clientAddress: "192.0.2.1",
  listener: ":80",
  header: (name) => (name === "authorization" ? "Bearer canary" : null),
};

describe("why routes were not taken", () => {
  it("is nothing about the one that comes before", () => {
    const rejected = rejectedRoutes(snapshotOf().table, "old", request);
    assert.deepEqual(rejected.find(({ id }) => id === "api")?.failing, []);
    assert.ok(!rejected.some(({ id }) => id === "old"));
  });

  it("does not show values of headers, which may be secrets", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      routes: [{ id: "r", match: { header: { Authorization: "x" } }, respond: {} }],
    });
    const text = JSON.stringify(rejectedRoutes(snapshot.table, "", request));
    assert.match(text, /got another value/);
    assert.doesNotMatch(text, /canary/);
  });

  it("names the two readings of a path that leads to different routes", () => {
    const table = tableOf(
      route("admin", { paths: [path("/admin/*")] }),
      route("site", {}),
      route("other", { hosts: ["other"], paths: [path("/admin/*")] }),
    );
    const asked = requestOf("/admin%2Fx");
    assert.equal(taken(table, asked), "400");
    assert.deepEqual(rejectedRoutes(table, "", asked), [
      { id: "other", failing: ["wants host other, got a"] },
      {
        id: "admin",
        failing: ["read as /admin%2Fx: wants path /admin/*, got /admin%2Fx", "read as /admin/x: it would be taken"],
      },
      {
        id: "site",
        failing: ["read as /admin%2Fx: it would be taken", "read as /admin/x: matches, but admin comes before it"],
      },
    ]);
    assert.deepEqual(rejectedRoutes(table, "", requestOf("/%zz")), []);
  });

  it("takes several headers of one name for one condition, of which any is enough", () => {
    const headers = ["1", "2"].map((value) => ({ name: "x-a", value, regex: false }));
    const table = tableOf(route("r", { headers, methods: ["PUT"] }));
    assert.deepEqual(rejectedRoutes(table, "", requestOf("/", { headers: { "x-a": "2" } })), [
      { id: "r", failing: ["wants method PUT, got GET"] },
    ]);
    assert.deepEqual(rejectedRoutes(table, "", requestOf("/", { method: "PUT" })), [
      { id: "r", failing: ["wants header x-a: 1 or 2, got none"] },
    ]);
  });

  it("is that nobody can tell", () => {
    // An expression sees characters, and this is no UTF-8.
    const headers = [{ name: "x-a", value: "^a", regex: true }];
    const table = tableOf(route("one", { headers }), route("all", {}));
    const asked = requestOf("/", { headers: { "x-a": "\xff" } });
    assert.equal(taken(table, asked), "400");
    assert.deepEqual(rejectedRoutes(table, "", asked), [
      {
        id: "one",
        failing: [
          "nobody can tell whether it has header x-a matching ^a: what is there is no UTF-8, or too long for an expression",
        ],
      },
      { id: "all", failing: ["matches, but of a route before it nobody can tell whether it does"] },
    ]);
  });

  it("does not show what is asked of headers that hold secrets, either", () => {
    const headers = ["Bearer canary", "Bearer other"].map((value) => ({ name: "authorization", value, regex: false }));
    const table = tableOf(route("r", { headers }), route("not", { not: [{ ...NO_CONDITIONS, headers }] }));
    assert.deepEqual(
      rejectedRoutes(table, "not", requestOf("/")).flatMap(({ failing }) => failing),
      ["wants header authorization: *** or ***, got none"],
    );
  });

  it("is found for ten thousand sites at once", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      routes: Array.from({ length: 10_000 }, (_, i) => ({
        id: `s${i}`,
        match: { host: `s${i}.example` },
        respond: {},
      })),
    });
    const rejected = rejectedRoutes(snapshot.table, "s7", { ...request, host: "s7.example" });
    assert.equal(rejected.length, 9_999);
  });
});

const some = <T>(...items: T[]) => fc.uniqueArray(fc.constantFrom(...items), { maxLength: 2 });
const headers = fc.array(
  fc.oneof(
    fc.record({
      name: fc.constantFrom("x-a", "x-b"),
      value: fc.constantFrom("1", "2", null),
      regex: fc.constant(false),
    }),
    fc.constant({ name: "x-b", value: "^1", regex: true }),
  ),
  { maxLength: 2 },
);
const query = fc.array(
  fc.record({ name: fc.constant("k"), value: fc.constantFrom("1", "2", null), regex: fc.constant(false) }),
  { maxLength: 2 },
);
const paths = some("/a", "/a/*", "/a/:p", "/:p/b", "/:p/*", "/*", "~^/a", "~b$").map((each) => each.map(path));
const flat = {
  hosts: some("a.com", "*.com", "b.a.com"),
  paths,
  methods: some("GET", "PUT"),
  headers,
  query,
  clients: some("192.0.2.0/24", "10.0.0.0/8"),
  listeners: some("web", "inner"),
};
const rarely = <T>(arbitrary: fc.Arbitrary<T[]>) => fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, arbitrary);
const bare = fc
  .record(Object.fromEntries(Object.entries(flat).map(([key, each]) => [key, rarely(each as fc.Arbitrary<never[]>)])))
  .map((match) => ({ ...NO_CONDITIONS, ...match }) as RouteConditions);
const asksSomething = (match: RouteConditions) => Object.values(match).some((each) => each.length > 0);
const conditions = fc
  .tuple(bare, rarely(fc.array(bare.filter(asksSomething), { maxLength: 2 })))
  .map(([match, not]) => ({ ...match, not }));
const asked = fc
  .record({
    host: fc.constantFrom("a.com", "b.a.com", "other", ""),
    path: fc
      .array(fc.constantFrom("a", "b", "c", "", "a%2Fb", "%61", "b;v"), { maxLength: 3 })
      .map((segments) => `/${segments.join("/")}`),
    method: fc.constantFrom("GET", "PUT"),
    query: fc.constantFrom("", "k=1", "k=2&k=1"),
    clientAddress: fc.constantFrom("192.0.2.1", "10.1.1.1", "unix"),
    listener: fc.constantFrom("web", "inner"),
    headers: fc.constantFrom({}, { "x-a": "1" }, { "x-a": "2", "x-b": "1" }, { "x-a": "2, 1", "x-b": "\xff" }),
  })
  .map(({ path: text, ...parts }) => ({ ...requestOf(text, parts), pathIsPlain: !/[%;]|\/\//.test(text) }));

/** How many of a route's conditions fail or cannot be told: each is asked for alone, of a table with nothing else. */
function missed({ match }: RouteDefinition, one: RouteRequest): number {
  const alone = (part: Partial<RouteConditions>) => taken(tableOf(route("r", part)), one as never) !== "r";
  if (match.hosts.length > 0 && alone({ hosts: match.hosts })) return 1;
  const named = (["headers", "query"] as const).flatMap((key) =>
    [...new Set(match[key].map(({ name }) => name))].map((name) => ({
      [key]: match[key].filter((each) => each.name === name),
    })),
  );
  const lists = (["paths", "methods", "clients", "listeners"] as const).map((key) => ({ [key]: match[key] }));
  return [...named, ...lists, ...match.not.map((not) => ({ not: [not] }))].filter(alone).length;
}

describe("reasons and choice", () => {
  it("agree, whatever the table and the request", () => {
    const property = fc.property(fc.array(conditions, { minLength: 1, maxLength: 5 }), asked, (matches, one) => {
      const routes = matches.map((match, index) => route(String(index), match));
      const among = (part: readonly RouteDefinition[], text?: string): string =>
        taken(tableOf(...part), text === undefined ? one : { ...one, path: text, pathIsPlain: true });
      const table = tableOf(...routes);
      const choice = among(routes);
      const chosen = routes.some(({ id }) => id === choice) ? choice : "";
      const rejected = rejectedRoutes(table, chosen, one);
      const others = table.routes.map(({ id }) => id).filter((id) => id !== chosen);
      assert.deepEqual(
        rejected.map(({ id }) => id),
        others,
      );
      assert.equal(whyNotRouted(table, one) !== "", choice === "400");
      for (const { id, failing } of rejected) {
        const own = routes[Number(id)]!;
        if (failing.length === 0) {
          assert.equal(among([own]), id);
          assert.equal(among(routes.filter((each) => each === own || each.id === chosen)), choice);
        } else if (failing[0]!.startsWith(READ_AS)) {
          for (const each of failing) {
            const [, text = "", why = ""] = /^read as (\S+): (.*)$/.exec(each) ?? [];
            const [, before] = /^matches, but (\S+) comes before it$/.exec(why) ?? [];
            if (why === "it would be taken") assert.equal(among(routes, text), id, each);
            else if (before !== undefined) assert.deepEqual([among([own], text), among(routes, text)], [id, before]);
            else if (why.startsWith("matches"))
              assert.deepEqual([among([own], text), among(routes, text)], [id, "400"]);
            else assert.notEqual(among([own], text), id, each);
          }
        } else if (failing[0]!.startsWith("matches")) {
          assert.deepEqual([among([own]), choice], [id, "400"]);
        } else {
          assert.equal(among([own]), failing.every((each) => each.startsWith("nobody")) ? "400" : "-", failing.join());
          assert.equal(failing.length, missed(own, one), failing.join());
        }
      }
    });
    alwaysHolds(property, 300);
  });
});
