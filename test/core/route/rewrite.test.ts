import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { PathRewrite, RouteDefinition } from "../../../core/route/route.ts";
import { path, problemsOf, type RequestParts, request, route, tableOf } from "./definition.ts";

function rewriting(pattern: string, rewrite: PathRewrite): RouteDefinition {
  return route("r", { paths: pattern === "" ? [] : [path(pattern)] }, { rewrite });
}

/** The target sent upstream; null when it is refused. */
function rewritten(definition: RouteDefinition, asked: string, parts: RequestParts = {}): string | null {
  const context = request(asked, parts);
  const match = tableOf(definition).match(context);
  assert.ok(match !== null && match !== "ambiguous", `${asked} didn't match`);
  assert.ok(match.route.rewritePath !== null);
  return match.route.rewritePath(context, match);
}

describe("stripPrefix", () => {
  const strip = rewriting("/api/*", { kind: "stripPrefix", prefix: "/api" });

  it("removes the prefix and keeps the query and every other byte", () => {
    assert.equal(rewritten(strip, "/api/x"), "/x");
    assert.equal(rewritten(strip, "/api"), "/");
    assert.equal(rewritten(strip, "/api/"), "/");
    assert.equal(rewritten(strip, "/api/a%2fb;v=1/%7e", { query: "q=%zz&|" }), "/a%2fb;v=1/%7e?q=%zz&|");
    assert.equal(rewritten(strip, "/%61pi/x%2fy"), "/x%2Fy");
    assert.equal(rewritten(strip, "/x/../api/y"), "/y");
  });

  it("N09 makes no path that names a host, and keeps to segments", () => {
    assert.equal(rewritten(strip, "/api//admin"), "/admin");
    const anywhere = rewriting("", { kind: "stripPrefix", prefix: "/api/" });
    assert.equal(rewritten(anywhere, "/api../admin"), "/api../admin");
    assert.equal(rewritten(anywhere, "/apiadmin", { query: "x" }), "/apiadmin?x");
    assert.equal(rewritten(anywhere, "/api/../admin"), "/admin");
    assert.equal(rewritten(anywhere, "/api/..%2fadmin"), null);
    assert.equal(rewritten(anywhere, "*"), "*");
  });
});

describe("replace", () => {
  it("fills in captures, still escaped", () => {
    const user = rewriting("/u/:id/*", { kind: "replace", to: "/users/${path.id}/$2" });
    assert.equal(rewritten(user, "/u/7/a/b", { query: "x=1" }), "/users/7/a/b?x=1");
    assert.equal(rewritten(user, "/u/a%20b/c%3fd"), "/users/a%20b/c%3Fd");
    assert.equal(rewritten(rewriting("~^/u/([0-9]+)$", { kind: "replace", to: "/users/$1" }), "/u/12"), "/users/12");
    assert.equal(
      rewritten(rewriting("~^/(?P<lang>..)/", { kind: "replace", to: "/?l=${path.lang}" }), "/de/x"),
      "/?l=de",
    );
  });

  it("replaces the query when it brings one", () => {
    assert.equal(rewritten(rewriting("/a", { kind: "replace", to: "/b?x=1" }), "/a", { query: "y=2" }), "/b?x=1");
    assert.equal(rewritten(rewriting("/a", { kind: "replace", to: "/b?" }), "/a", { query: "y=2" }), "/b");
    const both = rewriting("/a", { kind: "replace", to: "/b?x=1&${request.query}" });
    assert.equal(rewritten(both, "/a", { query: "y=%7c|" }), "/b?x=1&y=%7c|");
  });

  it("N10 lets no value add a segment, a parameter or a line", () => {
    const byHeader = rewriting("/a", {
      kind: "replace",
      to: "/t/${request.header.x-tenant}/f?u=${request.header.x-user}",
    });
    const headers = { "x-tenant": "a/b?c#d%41 \xe9", "x-user": "1&admin=1 HTTP/1.1\r\nX: y" };
    assert.equal(
      rewritten(byHeader, "/a", { headers }),
      "/t/a%2Fb%3Fc%23d%2541%20%E9/f?u=1%26admin%3D1%20HTTP%2F1.1%0D%0AX%3A%20y",
    );
    const byQuery = rewriting("/a", { kind: "replace", to: "/f/${request.query.name}" });
    assert.equal(rewritten(byQuery, "/a", { query: "name=x%2Fy" }), "/f/x%2Fy?name=x%2Fy");
    const fromPath = rewriting("/a/:x", { kind: "replace", to: "/f?id=$1" });
    assert.equal(rewritten(fromPath, "/a/1&admin=1"), "/f?id=1%26admin%3D1");
  });

  it("N09 N10 refuses what comes out with dot segments or controls", () => {
    const byQuery = rewriting("/a", { kind: "replace", to: "/f/${request.query.name}" });
    for (const query of ["name=..", "name=%2e%2e", "name=../x", "name=..%2fx", "name=%0a", "name=%00"]) {
      assert.equal(rewritten(byQuery, "/a", { query }), null, query);
    }
    assert.equal(rewritten(rewriting("~^/x(.*)$", { kind: "replace", to: "/f/$1" }), "/x.."), null);
    assert.equal(rewritten(rewriting("~^/x(%.)", { kind: "replace", to: "/f/$1" }), "/x%20"), null);
  });

  it("always begins with one slash", () => {
    assert.equal(rewritten(rewriting("/a/*", { kind: "replace", to: "/$1" }), "/a//evil.example"), "/evil.example");
    assert.equal(rewritten(rewriting("/a/*", { kind: "replace", to: "$1" }), "/a/b"), "/b");
    assert.equal(rewritten(rewriting("/a/*", { kind: "replace", to: "${request.path}" }), "/a/b"), "/a/b");
  });

  it("sees the path without its dot segments", () => {
    const below = rewriting("", { kind: "replace", to: "/site${request.path}" });
    assert.equal(rewritten(below, "/a/../../b%2f"), null);
    assert.equal(rewritten(below, "/a/../../b//c", { query: "q" }), "/site/b//c?q");
  });

  it("escapes what the configuration writes plainly", () => {
    assert.equal(rewritten(rewriting("/a", { kind: "replace", to: "/b c/é" }), "/a"), "/b%20c/%C3%A9");
  });
});

describe("pattern", () => {
  it("replaces the first match in the path", () => {
    const versions = rewriting("", { kind: "pattern", regex: "/v([0-9]+)/", to: "/version-$1/" });
    assert.equal(rewritten(versions, "/a/v2/b/v3/", { query: "q" }), "/a/version-2/b/v3/?q");
    assert.equal(rewritten(versions, "/a/b%2fc;d", { query: "q" }), "/a/b%2fc;d?q");
    const whole = rewriting("", { kind: "pattern", regex: "^/(.*)\\.php$", to: "/index?page=$1" });
    assert.equal(rewritten(whole, "/a/b.php", { query: "q" }), "/index?page=a/b");
  });

  it("N09 is read again", () => {
    const dots = rewriting("", { kind: "pattern", regex: "^/x", to: "/" });
    assert.equal(rewritten(dots, "/x/admin"), "/admin");
    assert.equal(rewritten(dots, "/x../admin"), null);
    assert.equal(rewritten(dots, "/x%2e%2e/admin"), null);
  });
});

describe("rewrite problems", () => {
  it("are found when the configuration is read", () => {
    const problem = (pattern: string, rewrite: PathRewrite) => problemsOf(rewriting(pattern, rewrite)).join("; ");
    assert.match(problem("/a", { kind: "replace", to: "b" }), /^rewrite.to: "b" doesn't begin with "\/"$/);
    assert.match(problem("/a", { kind: "replace", to: "/../b" }), /dot segment or a wrong escape/);
    assert.match(problem("/a", { kind: "replace", to: "/%zz" }), /wrong escape/);
    assert.match(problem("/a", { kind: "replace", to: "/b#c" }), /fragments are not sent/);
    assert.match(problem("/a", { kind: "replace", to: "/$1" }), /\$1 is not captured by every path/);
    assert.match(problem("", { kind: "replace", to: "/${path.id}" }), /not in every path/);
    assert.match(problem("/a/:x", { kind: "replace", to: "/${path.y}" }), /there is \$\{path.x\}/);
    assert.match(problem("", { kind: "pattern", regex: "(?=a)", to: "/" }), /^rewrite.regex: look-around/);
    assert.match(problem("", { kind: "pattern", regex: "a", to: "/$1" }), /^rewrite.to: \$1 is not captured/);
    assert.match(problem("", { kind: "stripPrefix", prefix: "api" }), /^rewrite.prefix: .*begin with a slash/);
  });
});
