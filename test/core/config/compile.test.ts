import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type CompiledConfig, compileConfig } from "../../../core/config/compile.ts";
import { formatPath } from "../../../core/config/problem.ts";
import { DEFAULT_HEALTH } from "../../../core/health/definition.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../../core/limits.ts";
import { NO_CAPS } from "../../../core/upstream/breaker.ts";
import { DEFAULT_RETRIES } from "../../../core/upstream/retry-policy.ts";
import { processorMs } from "../../support/processor-time.ts";

const minimal = {
  listeners: [":8080"],
  upstreams: { app: { servers: ["127.0.0.1:9000"] } },
  routes: [{ upstream: "app" }],
};

function compiled(config: unknown): CompiledConfig {
  const result = compileConfig(config);
  assert.ok(!("problems" in result), "problems" in result ? JSON.stringify(result.problems) : "");
  return result;
}

function problems(config: unknown): string[] {
  const result = compileConfig(config);
  return "problems" in result ? result.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`) : [];
}

describe("a configuration", () => {
  it("compiles to a snapshot with every default", () => {
    const { snapshot, log, warnings } = compiled(minimal);
    assert.deepEqual(snapshot.limits, DEFAULT_LIMITS);
    assert.deepEqual(snapshot.timeouts, DEFAULT_TIMEOUTS);
    assert.deepEqual(snapshot.listeners, [
      { name: ":8080", address: { kind: "tcp", host: "", port: 8080 }, reusePort: false },
    ]);
    assert.deepEqual(snapshot.upstreams, [
      {
        name: "app",
        servers: [
          {
            label: "127.0.0.1:9000",
            address: { kind: "tcp", host: "127.0.0.1", port: 9000 },
            weight: 1,
            connectionsMax: Number.POSITIVE_INFINITY,
          },
        ],
        balance: "two-choices",
        timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
        pool: { idleMax: 64, idleMs: 60_000, queueMax: 1_024, queueMs: 5_000 },
        retries: DEFAULT_RETRIES,
        health: DEFAULT_HEALTH,
        breaker: NO_CAPS,
      },
    ]);
    assert.deepEqual(snapshot.forwarding, { trustedProxies: [], via: true, forwarded: false });
    assert.deepEqual(log, { access: false, format: "json" });
    assert.deepEqual(warnings, []);
    assert.equal(snapshot.table.routes.length, 1);
  });

  it("compiles to something nobody can change", () => {
    const { snapshot } = compiled(minimal);
    assert.ok(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.upstreams[0]?.servers[0]));
    assert.ok(snapshot.table.routes.every(({ definition }) => Object.isFrozen(definition.match.paths)));
  });

  it("lets no block through that nothing can be compared with", () => {
    const [block] = ["fe80::1%eth0"];
    assert.match(
      problems({ ...minimal, trustedProxies: [block] }).join(),
      /^trustedProxies\[0\]: .* not an IP address/,
    );
    assert.match(problems({ ...minimal, allowTargets: [block] }).join(), /^allowTargets\[0\]: .* not an IP address/);
  });

  it("takes nothing for an empty map that only looks like one", () => {
    const match = new Map([["host", "a.example"]]);
    assert.match(
      problems({ ...minimal, routes: [{ match, upstream: "app" }] }).join(),
      /^routes\[0\]\.match: expected a map of .*, got an object without keys/,
    );
    assert.match(
      problems({ ...minimal, upstreams: new Map() }).join(),
      /upstreams: expected a map, got an object without/,
    );
  });

  it("reports all its problems at once, each with its path", () => {
    assert.deepEqual(
      problems({
        listenrs: [],
        listeners: [":80", ":80"],
        upstreams: { app: { servers: ["x"], balance: "roundrobin" }, other: { servers: ["a:1"] } },
        routes: [
          { upstream: "othr" },
          {},
          { match: { header: { A: { regex: "(" } } }, request: { set: { B: "${nope}" } }, upstream: "other" },
        ],
        timeouts: { connect: "0s" },
      })
        .map((line) => line.slice(0, 70))
        .sort(),
      [
        'listeners[1]: ":80" is already listeners[0]',
        'listenrs: unknown key; did you mean "listeners"?',
        'routes[0].upstream: no upstream is called "othr"; did you mean "other"?',
        "routes[1]: does nothing; give it one of upstream, redirect, respond, t",
        "routes[2].match.header.A: the regular expression is wrong: missing closing ): `(`",
        "routes[2].request.set.B: ${nope} is no variable; there is ${client.address}, ${client.port}",
        'timeouts.connect: "0s": must be at least 1ms',
        "upstreams.app.balance: expected one of two-choices, round-robin, random, least-busy",
        'upstreams.app.servers[0]: "x": has no port; write one, such as "x:8080"',
      ]
        .map((line) => line.slice(0, 70))
        .sort(),
    );
  });

  for (const config of [undefined, null, 5, "x", [], [minimal], () => minimal]) {
    it(`refuses ${JSON.stringify(config) ?? String(config)} instead of a map`, () => {
      assert.equal(problems(config).length, 1);
    });
  }

  it("reports what a route refers to beside what it does not know", () => {
    const refused = compileConfig({
      listeners: ["127.0.0.1:0"],
      upstreams: { app: { servers: ["127.0.0.1:9"], nonsense: 1 } },
      routes: [{ upstream: "nowhere", nonsense: 1 }],
    });
    assert.ok("problems" in refused);
    assert.deepEqual(refused.problems.map(({ path }) => path.join(".")).sort(), [
      "routes.0.nonsense",
      "routes.0.upstream",
      "upstreams.app.nonsense",
    ]);
  });

  it("reports what is missing between two commas of a program", () => {
    // biome-ignore lint/suspicious/noSparseArray: as somebody writes it who deletes a line
    const sparse = { ...minimal, listeners: [":8080", , ":8081"], routes: [, ...minimal.routes] };
    assert.deepEqual(
      problems(sparse).map((text) => text.slice(0, text.indexOf(": "))),
      ["listeners[1]", "routes[0]"],
    );
  });

  it("M10: takes `__proto__` and `constructor` for unknown keys", () => {
    const config = JSON.parse('{"__proto__": {"via": false}, "constructor": 1, "toString": 1}');
    const lines = problems({
      ...minimal,
      ...config,
      upstreams: JSON.parse('{"app": {"servers": ["a:1"]}, "__proto__": {"servers": ["b:1"]}}'),
    });
    assert.equal(lines.length, 4);
    assert.match(
      problems(JSON.parse('{"__proto__": {}, "listeners": [":1"], "routes": [{"respond": {}}]}')).join(),
      /__proto__: unknown key/,
    );
  });

  it("warns of what was hardly meant", () => {
    const { warnings } = compiled({
      ...minimal,
      upstreams: { app: { servers: ["a:1", "a:1"] }, spare: { servers: ["b:1"] } },
    });
    assert.deepEqual(
      warnings.map(({ path }) => formatPath(path)),
      ["upstreams.app.servers[1]", "upstreams.spare"],
    );
  });

  it("A37: ten thousand routes compile in under two seconds", () => {
    const routes = Array.from({ length: 10_000 }, (_, index) => ({
      match: { host: `h${index}.example.com`, path: `/p${index}/*` },
      upstream: "app",
    }));
    const tookMs = processorMs(() => compiled({ ...minimal, routes }));
    assert.ok(tookMs < 2_000 * 3, `${tookMs} ms; three times the target, for a slow machine`);
  });
});
