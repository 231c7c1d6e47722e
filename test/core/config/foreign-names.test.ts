import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import * as hints from "../../../core/config/foreign-names.ts";
import { problemsOf } from "../../../core/config/issues.ts";
import { formatPath } from "../../../core/config/problem.ts";
import { ConfigSchema } from "../../../core/config/schema.ts";

/** A configuration with one key more, and what is said of that. */
const TABLE: readonly (readonly [input: object, expected: string])[] = [
  [{ tls: {} }, "tls: unknown key; there is no TLS yet; have it ended in front of Millrace"],
  [{ frontend: {} }, "frontend: unknown key; it is called listeners here"],
  [{ backends: {} }, "backends: unknown key; it is called upstreams here"],
  [{ retries: {} }, "retries: unknown key; it belongs to an upstream"],
  [
    { listeners: [{ address: ":80", port: 80 }] },
    'listeners[0].port: unknown key; write both as address, such as "127.0.0.1:8080" or ":8080"',
  ],
  [
    { listeners: [{ address: ":80", proxy_protocol: true }] },
    "listeners[0].proxy_protocol: unknown key; there is no PROXY protocol yet; who stands in front says X-Forwarded-For, and trustedProxies names it",
  ],
  [
    withUpstream({ servers: [{ address: "a:80", "send-proxy": true }] }),
    "upstreams.app.servers[0].send-proxy: unknown key; there is no PROXY protocol yet; servers are told of clients by X-Forwarded-For",
  ],
  [withUpstream({ ip_hash: true }), "upstreams.app.ip_hash: unknown key; it is called balance here"],
  [withUpstream({ healthcheck: {} }), "upstreams.app.healthcheck: unknown key; it is called health.check here"],
  [withUpstream({ "health-check": {} }), "upstreams.app.health-check: unknown key; it is called health.check here"],
  [withUpstream({ healthchecks: {} }), "upstreams.app.healthchecks: unknown key; it is called health.check here"],
  [
    withUpstream({ health: { healthcheck: {} } }),
    "upstreams.app.health.healthcheck: unknown key; it is called check here",
  ],
  [
    withUpstream({ health: { fastInterval: "1s" } }),
    "upstreams.app.health.fastInterval: unknown key; it belongs to health.check",
  ],
  [{ health_check: {} }, "health_check: unknown key; it belongs to an upstream, and is called health.check here"],
  [withUpstream({ retry: 3 }), "upstreams.app.retry: unknown key; it is called retries here"],
  [
    withUpstream({ timeouts: { read: "1s" } }),
    "upstreams.app.timeouts.read: unknown key; it is called firstByte and idle here",
  ],
  [
    withUpstream({ servers: [{ address: "a:80", max_fails: 3 }] }),
    "upstreams.app.servers[0].max_fails: unknown key; write health.ejection at the upstream",
  ],
  [
    withUpstream({ servers: [{ address: "a:80", healthcheck: {} }] }),
    "upstreams.app.servers[0].healthcheck: unknown key; write health.check at the upstream",
  ],
  [withRoute({ proxy_pass: "http://app" }), "routes[0].proxy_pass: unknown key; it is called upstream here"],
  [withRoute({ path: "/x" }), "routes[0].path: unknown key; it belongs to match"],
  [withRoute({ match: { cookie: {} } }), "routes[0].match.cookie: unknown key; write header: { Cookie: { regex: … } }"],
  [
    withRoute({ match: { not: { src: "10.0.0.0/8" } } }),
    "routes[0].match.not.src: unknown key; it is called client here",
  ],
  [withRoute({ limits: { body: 1 } }), "routes[0].limits.body: unknown key; it is called requestBody here"],
  [
    withRoute({ limits: { maxConnections: 1 } }),
    "routes[0].limits.maxConnections: unknown key; it holds for the whole server: limits.clientConnections, at the top level",
  ],
  [
    withRoute({ timeouts: { keepalive_timeout: "1s" } }),
    "routes[0].timeouts.keepalive_timeout: unknown key; it holds for the whole server: timeouts.keepAliveIdle, at the top level",
  ],
  [{ limits: { body: 1 } }, "limits.body: unknown key; it is called requestBody here"],
  [
    { timeouts: { keepalive_timeout: "1s" } },
    "timeouts.keepalive_timeout: unknown key; it is called keepAliveIdle here",
  ],
  [
    withRoute({ timeouts: { read: "1s" } }),
    "routes[0].timeouts.read: unknown key; it is called firstByte and responseIdle here",
  ],
];

describe("names of other proxies", () => {
  for (const [input, expected] of TABLE) {
    it(`are answered by ours: ${expected}`, () => {
      const result = v.safeParse(ConfigSchema, { listeners: [":80"], routes: [{ upstream: "app" }], ...input });
      const problems = result.success ? [] : problemsOf(result.issues);
      assert.deepEqual(
        problems.map(({ path, message }) => `${formatPath(path)}: ${message}`),
        [expected],
      );
    });
  }

  it("are answered in every section that has them", () => {
    assert.equal(Object.keys(hints).length, 12);
    for (const [name, section] of Object.entries(hints)) {
      assert.ok(Object.keys(section).length > 0, name);
      for (const [key, hint] of Object.entries(section)) assert.match(hint, /^(it|write|there) /, `${name}.${key}`);
    }
  });
});

function withUpstream(more: object): object {
  return { upstreams: { app: { servers: ["a:80"], ...more } } };
}

function withRoute(more: object): object {
  return { routes: [{ upstream: "app", ...more }] };
}
