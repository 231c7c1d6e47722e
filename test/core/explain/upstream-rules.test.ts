import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { differences, differenceText } from "../../../core/explain/differences.ts";
import { explain } from "../../../core/explain/explain.ts";
import { snapshotOf } from "./config.ts";

const explained = (upstream: object, line = "GET /") =>
  explain(
    snapshotOf({
      listeners: [":80"],
      upstreams: { app: { servers: ["10.0.0.1:80", "10.0.0.2:80"], ...upstream } },
      routes: [{ upstream: "app" }],
    }),
    { line, fields: [] },
  );

const changed = (upstream: object, line?: string) =>
  differences(explained({}, line), explained(upstream, line)).map(differenceText);

describe("what decides later where a request goes", () => {
  it("is different with the upstream's breaker, health and further tries", () => {
    const rules = "upstream.rules";
    assert.deepEqual(changed({ breaker: { inFlight: 10 } }), [`  + ${rules}.breaker.inFlight: 10`]);
    const [one, two] = ["10.0.0.1:80", "10.0.0.2:80"];
    assert.deepEqual(changed({ servers: [{ address: one, maxConnections: 7 }, two] }), [
      "  + upstream.servers[10.0.0.1:80].maxConnections: 7",
    ]);
    assert.deepEqual(changed({ pool: { queue: 5 } }), [`  ~ ${rules}.queue: 1024 -> 5`]);
    const secret = "sixteen bytes and more";
    assert.ok(changed({ sticky: { secret, maxAge: "1h" } }).includes(`  + ${rules}.stickyMaxAge: 3600000`));
    assert.deepEqual(changed({ slowStart: "30s" }), [`  + ${rules}.slowStart: 30000`]);
    const once = { consecutiveFailures: 1 };
    assert.deepEqual(changed({ health: { ejection: once } }), [
      `  ~ ${rules}.health.ejection.consecutiveFailures: 5 -> 1`,
    ]);
    assert.ok(changed({ health: { ejection: false } }).includes(`  - ${rules}.health.ejection.consecutiveFailures: 5`));
    assert.deepEqual(changed({ health: { ejection: { successRate: false } } }).length, 3);
    assert.deepEqual(changed({ health: { panicThreshold: "0%" } }), [`  ~ ${rules}.health.panicThreshold: 0.5 -> 0`]);
    assert.deepEqual(changed({ health: { agent: { port: 99 } } }).slice(0, 1), [`  + ${rules}.health.agent.port: 99`]);
    const check = {
      path: "/up?token=hidden",
      status: ["200-299", 404],
      body: { contains: "ok" },
      headers: { "X-Key": "hidden" },
    };
    const checked = changed({ health: { check } });
    for (const text of ["path: /up?token=***", "status: 200-299, 404", "body: contains ok", "headers: X-Key"])
      assert.ok(checked.includes(`  + ${rules}.health.check.${text}`), `${text} in\n${checked.join("\n")}`);
    assert.ok(!JSON.stringify(explained({ health: { check } })).includes("hidden"));
    assert.deepEqual(changed({ retries: { backoff: { base: "10ms" } } }).length, 1);
    assert.deepEqual(changed({ retries: { budget: { share: "1%", perSecond: 0 } } }), [
      `  ~ ${rules}.retries.budget.share: 0.1 -> 0.01`,
      `  ~ ${rules}.retries.budget.perSecond: 3 -> 0`,
    ]);
  });

  it("is no difference for a request that is not tried again", () => {
    const off = { attempts: 0 };
    const budget = { perSecond: 0 };
    const both = [explained({ retries: off }), explained({ retries: { ...off, budget } })] as const;
    assert.deepEqual(differences(...both), []);
    const hedge = { after: "1s" };
    const hedged = [explained({ retries: off, hedge }), explained({ retries: { ...off, budget }, hedge })] as const;
    assert.equal(differences(...hedged).length, 1);
    assert.deepEqual(
      differences(
        explained({ retries: off, hedge }, "POST /"),
        explained({ retries: { ...off, budget }, hedge }, "POST /"),
      ),
      [],
    );
  });

  it("is shown where nothing is configured, too", () => {
    const { rules } = explained({}).upstream!;
    assert.deepEqual(rules.breaker, { inFlight: null, connections: null, pending: null, retries: null });
    assert.deepEqual([rules.health.check, rules.health.agent, rules.slowStart], [null, null, null]);
    assert.deepEqual(rules.retries, { backoff: { base: 25, max: 250 }, budget: { share: 0.1, perSecond: 3 } });
  });
});
