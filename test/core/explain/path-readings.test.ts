import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { readingsOf, routeIdOf, whyNotRouted } from "../../../core/explain/path-readings.ts";
import { path, request, route, tableOf } from "../route/definition.ts";

const table = tableOf(route("a", { paths: [path("/a/*")] }), route("b", { paths: [path("/b")] }));

describe("the readings of a path", () => {
  it("are one, two or none", () => {
    const plain = { path: "/a", reading: "literal" } as const;
    assert.deepEqual(readingsOf(request("/a")), [plain]);
    assert.deepEqual(readingsOf(request("/%61")), [plain]);
    assert.deepEqual(readingsOf(request("/a//b")), [
      { path: "/a//b", reading: "literal" },
      { path: "/a/b", reading: "decoded" },
    ]);
    assert.deepEqual(readingsOf(request("/%zz")), []);
  });

  it("lead to a route each", () => {
    const asked = request("//b");
    assert.deepEqual(
      readingsOf(asked).map((read) => routeIdOf(table, asked, read)),
      [null, "b"],
    );
  });

  it("are told where they are why a request is refused", () => {
    assert.equal(
      whyNotRouted(table, request("//b")),
      "it can be read as //b, which leads to no route, and as /b, which leads to route b",
    );
    assert.equal(whyNotRouted(table, request("/%zz")), "it has a % without two hexadecimal digits");
    for (const fine of ["/a//b", "/b", "/none"]) assert.equal(whyNotRouted(table, request(fine)), "");
    const headers = [{ name: "x-a", value: "^a", regex: true }];
    assert.match(
      whyNotRouted(tableOf(route("r", { headers })), request("/", { headers: { "x-a": "\xff" } })),
      /^of a condition nobody can tell/,
    );
  });
});
