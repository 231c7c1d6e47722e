import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { DEFAULT_HEALTH, type HealthDefinition } from "../../../core/health/definition.ts";

function healthOf(health?: object): HealthDefinition | undefined {
  const upstreams = { app: { servers: ["a:1"], ...(health && { health }) } };
  const compiled = compileConfig({ listeners: [":80"], upstreams, routes: [{ upstream: "app" }] });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot.upstreams[0]?.health;
}

const CHECK = {
  kind: "http",
  intervalMs: 5_000,
  fastIntervalMs: 1_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
  jitter: 0.1,
  port: null,
  http: {
    method: "GET",
    target: "/",
    host: null,
    fields: [],
    statuses: [[200, 399]],
    body: null,
  },
};

describe("health, as the core goes by it", () => {
  it("that is left out is the default", () => assert.deepEqual(healthOf(), DEFAULT_HEALTH));

  it("checks as `true` says, or as an empty map does", () => {
    assert.deepEqual(healthOf({ check: true })?.check, CHECK);
    assert.deepEqual(healthOf({ check: {} })?.check, CHECK);
    assert.equal(healthOf({ check: false })?.check, null);
  });

  it("checks as is said", () => {
    const check = {
      method: "POST",
      path: "/up",
      host: "x",
      headers: { A: "1" },
      status: [204, "300-302"],
      body: { contains: "ok" },
      interval: "500ms",
      timeout: "1s",
      rise: 1,
      fall: 4,
      jitter: "0%",
      port: 8081,
    };
    assert.deepEqual(healthOf({ check })?.check, {
      kind: "http",
      intervalMs: 500,
      fastIntervalMs: 500,
      timeoutMs: 1_000,
      rise: 1,
      fall: 4,
      jitter: 0,
      port: 8081,
      http: {
        method: "POST",
        target: "/up",
        host: "x",
        fields: [["A", "1"]],
        statuses: [
          [204, 204],
          [300, 302],
        ],
        body: { kind: "contains", text: "ok" },
      },
    });
    assert.deepEqual(healthOf({ check: { kind: "tcp" } })?.check, { ...CHECK, kind: "tcp", http: null });
    assert.deepEqual(healthOf({ check: { status: 500 } })?.check?.http?.statuses, [[500, 500]]);
    const regex = healthOf({ check: { body: { regex: "^ok" } } })?.check?.http?.body;
    assert.deepEqual(regex, { kind: "regex", source: "^ok" });
  });

  it("asks agents, ejects and panics as is said", () => {
    assert.deepEqual(healthOf({ agent: { port: 9100 } })?.agent, { port: 9100, intervalMs: 5_000, timeoutMs: 2_000 });
    assert.equal(healthOf({ ejection: false })?.ejection, null);
    assert.equal(healthOf({ ejection: { successRate: false } })?.ejection?.outliers, null);
    const successRate = { minimumRequests: 7, minimumServers: 3, deviations: 2 };
    const ejection = { consecutiveFailures: 2, baseTime: "1s", maxTime: "9s", maxShare: "25%", successRate };
    assert.deepEqual(healthOf({ ejection, panicThreshold: "10%" }), {
      check: null,
      agent: null,
      ejection: {
        failures: 2,
        baseMs: 1_000,
        maxMs: 9_000,
        shareMax: 0.25,
        outliers: { requestsMin: 7, serversMin: 3, deviations: 2 },
      },
      panicShare: 0.1,
    });
  });
});
