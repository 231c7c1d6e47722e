import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type ExplainTools, explain } from "../../../core/explain/explain.ts";
import { explanationText } from "../../../core/explain/explanation-text.ts";
import { snapshotOf } from "./config.ts";

const text = (line: string) => explanationText(explain(snapshotOf(), { line, fields: [] })).join("\n");

describe("an explanation on a terminal", () => {
  it("reads from the request to the hooks", () => {
    assert.equal(
      text("GET http://a.example/api/x"),
      `GET http://a.example/api/x
  from 192.0.2.1, on listener :80

Route     api, 1 of 5: upstream app

Not taken
  named: wants path /named, got /api/x
  code: wants path /code, got /api/x
  old: wants path /old/*, got /api/x
  inner: wants header x-a: 1, got none; wants query q: 1, got none; wants listener inner, got :80

Sent upstream, target rewritten
  GET /x HTTP/1.1
  Host: a.example
  X-Forwarded-For: 192.0.2.1
  X-Forwarded-Proto: http
  X-Real-IP: 192.0.2.1
  X-Forwarded-Host: a.example
  Via: 1.1 millrace

Upstream app, two-choices; health as configured, nothing was checked
  10.0.0.1:80  weight 2  up  would come first now, by balance
  10.0.0.2:80  weight 1  drain  drain: the configuration says so
  10.0.0.3:80  weight 1  up  backup: only for when no other may be asked
  further tries: 1, after connect, broken, 502, 503, 504

Timeouts  firstByte 1m (default), responseIdle 1m (default), connect 1s (upstream), total 30s (configuration)
Limits    requestBody unlimited (default)

Hooks, in this order; they were not run
  hooks.onFinish: within 1s, else ignore`,
    );
  });

  it("says what is refused, and what nobody looked for", () => {
    assert.match(text("GET http://nowhere/"), /Route {5}none\nRefused {3}404, client\.no-route: /);
    assert.match(text("GET /named"), /further servers are found by DNS or in files/);
  });

  it("says of a server that it is drawn by chance, and what a sticky cookie says", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      upstreams: { app: { servers: ["10.0.0.1:80", "10.0.0.2:80"], sticky: { secret: "sixteen bytes and more" } } },
      routes: [{ upstream: "app" }],
    });
    const told = (cookie: string, tools: ExplainTools) => {
      const fields: [string, string][] = cookie === "" ? [] : [["Cookie", `millrace-app=${cookie}`]];
      return explanationText(explain(snapshot, { line: "GET /", fields }, tools)).join("\n");
    };
    assert.match(
      told("", {}),
      /10\.0\.0\.1:80 {2}weight 1 {2}up {2}would come first by this draw; it is drawn by chance\n/,
    );
    assert.match(told("", {}), /\n {2}sticky by cookie millrace-app: the request has none\n/);
    assert.match(told("x", {}), /whose signature nobody checked/);
    assert.match(
      told("x", { hmacSha256: () => new Uint8Array(32) }),
      /forged, damaged, or its server is gone; it counts/,
    );
    // All signatures are the same here.
    const good = `${"0".repeat(24)}.${"0".repeat(32)}`;
    assert.match(told(good, { hmacSha256: () => new Uint8Array(32) }), /the request's names 10\.0\.0\.2:80\n/);
  });

  it("claims nothing that will not happen", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      limits: { requestFields: 50, minimumRate: "2KiB" },
      upstreams: {
        app: { servers: ["10.0.0.1:80", "10.0.0.3:80"] },
        one: { servers: ["10.0.0.1:80"] },
        gone: { servers: [{ address: "10.0.0.2:80", state: "maintenance" }] },
      },
      hooks: { onRequest: () => undefined, onFinish: () => undefined },
      routes: [
        { id: "gone", match: { path: "/gone" }, upstream: "gone" },
        { id: "one", match: { path: "/one" }, upstream: "one" },
        { id: "app", upstream: "app", hooks: { decide: () => undefined } },
      ],
    });
    const told = (line: string, fields: [string, string][] = []) =>
      explanationText(explain(snapshot, { line, fields })).join("\n");
    assert.match(told("GET /"), /further tries: 1, after connect, broken, 502, 503, 504\n/);
    assert.match(told("POST /"), /further tries: 1, after connect; this request may not be done twice\n/);
    assert.match(told("POST /", [["Idempotency-Key", "1"]]), /after connect, broken, 502, 503, 504\n/);
    assert.match(
      told("PUT /", [["Content-Length", "65537"]]),
      /: 1, after connect; its body is not kept for a second time\n/,
    );
    assert.match(told("GET /one"), /further tries: 1, after broken, 502, 503, 504\n/);
    assert.match(told("POST /one"), /further tries: none; this request may not be done twice\n/);
    assert.match(told("GET /"), /\nSent upstream\n/);
    assert.match(told("GET /gone"), /\nNot sent, for no server may be asked; it would be\n/);
    assert.match(told("GET /"), /\nRoute .*\n {10}unless code says otherwise: hooks\.onRequest, routes\.app\.decide\n/);
    assert.match(told("GET /"), /Limits .*requestFields 50 \(configuration\), .*minimumRate 2KiB \(configuration\)/);
  });

  it("names both readings of a path, and who is meant by each first", () => {
    const snapshot = snapshotOf({
      listeners: [":80"],
      routes: [
        { id: "b", match: { path: "/b/*" }, respond: {} },
        { id: "a", match: { path: "/a/*" }, respond: {} },
        { id: "all", respond: {} },
      ],
    });
    const lines = explanationText(explain(snapshot, { line: "GET /a%2Fx", fields: [] }));
    const at = lines.indexOf(
      "          it can be read as /a%2Fx, which leads to route all, and as /a/x, which leads to route a",
    );
    assert.match(lines[at - 1] ?? "", /^Refused {3}400, client\.bad-path: /);
    assert.deepEqual(
      lines.slice(at + 3, at + 6).map((line) => line.split(":")[0]),
      ["  a", "  all", "  b"],
    );
  });

  it("shows the near misses of many, and how many more there are", () => {
    const routes = Array.from({ length: 100 }, (_, i) => ({
      id: `s${i}`,
      match: { host: `s${i}.example`, method: "PUT" },
      respond: {},
    }));
    const snapshot = snapshotOf({ listeners: [":80"], routes: [...routes, { id: "all", respond: {} }] });
    const lines = explanationText(explain(snapshot, { line: "GET http://x/", fields: [] }));
    assert.ok(lines.includes("  … and 90 more (--json lists all)"));
  });
});
