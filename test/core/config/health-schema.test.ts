import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { formatPath } from "../../../core/config/problem.ts";

/** The problems of an upstream with this health, each as it is shown. */
function problemsOf(health: unknown, servers: readonly unknown[] = ["a:1"]): string[] {
  const config = { listeners: [":80"], upstreams: { app: { servers, health } }, routes: [{ upstream: "app" }] };
  const compiled = compileConfig(config);
  if (!("problems" in compiled)) return [];
  return compiled.problems.map(({ path, message }) => `${formatPath(path).replace("upstreams.app.", "")}: ${message}`);
}

describe("the health of an upstream", () => {
  for (const health of [
    {},
    { check: true },
    { check: false },
    { check: {} },
    { check: { kind: "tcp", port: 8081 } },
    {
      check: {
        kind: "http",
        method: "HEAD",
        path: "/healthz?a=b",
        host: "example.com:81",
        headers: { "X-Check": "1" },
        status: ["200-299", 404, "418"],
        body: { contains: "ok" },
        interval: "5s",
        timeout: "2s",
        rise: 1,
        fall: 1000,
        jitter: "50%",
        fastInterval: "250ms",
        port: 65535,
      },
    },
    { check: { status: 204, body: { regex: "^ok$" } } },
    { agent: { port: 9100, interval: "1s", timeout: "500ms" } },
    { ejection: false, panicThreshold: "0%" },
    { ejection: { consecutiveFailures: 1, baseTime: "1s", maxTime: "1m", maxShare: "100%", successRate: false } },
    { ejection: { successRate: { minimumRequests: 1, minimumServers: 2, deviations: 2.5 } }, panicThreshold: "33.3%" },
  ]) {
    it(`may be ${JSON.stringify(health)}`, () => assert.deepEqual(problemsOf(health), []));
  }

  for (const [health, expected] of [
    [
      true,
      ["health: expected a map of check, agent, ejection, panicThreshold, got true; for checks write { check: true }"],
    ],
    [{ chek: true }, ['health.chek: unknown key; did you mean "check"?']],
    [{ path: "/" }, ["health.path: unknown key; it belongs to health.check"]],
    [{ check: 5 }, ["health.check: expected true, false, or a map of path, interval, …, got 5"]],
    [{ check: { url: "/" } }, ["health.check.url: unknown key; it is called path here"]],
    [{ check: { kind: "icmp" } }, ['health.check.kind: expected one of http, tcp, got "icmp"']],
    [{ check: { path: "healthz" } }, ['health.check.path: "healthz": must begin with "/", as in "/healthz"']],
    [
      { check: { path: "/a b" } },
      ['health.check.path: "/a b": has a space or a character beyond ASCII; write it percent-encoded'],
    ],
    [{ check: { path: "/a#b" } }, ['health.check.path: "/a#b": has a #, which is never sent to a server']],
    [{ check: { method: "get" } }, ['health.check.method: "get": methods tell case apart; write "GET"']],
    [
      { check: { method: "CONNECT" } },
      ['health.check.method: "CONNECT": no server is checked by it; write one such as "GET"'],
    ],
    [{ check: { host: "*.a" } }, ['health.check.host: "*.a": is sent as it is; write one host name']],
    [{ check: { host: "a b" } }, ['health.check.host: "a b": not a host name']],
    [
      { check: { headers: { A: "b\nc" } } },
      [
        'health.check.headers.A: "b\\nc": has a line break, which cannot stand in a header; in YAML, write it in quotes on one line',
      ],
    ],
    [{ check: { headers: { Host: "a" } } }, ['health.check.headers: "Host" use the check\'s `host:` for it']],
    [{ check: { headers: { "Content-Length": "0" } } }, ['health.check.headers: "Content-Length" cannot be edited']],
    [
      { check: { status: "2xx" } },
      ['health.check.status: "2xx": write a status from 200 to 599, or a range such as "200-399"'],
    ],
    [{ check: { status: ["300-200"] } }, ['health.check.status[0]: "300-200": write a status from 200 to 599']],
    [{ check: { status: [100] } }, ["health.check.status[0]: 100: write a status from 200 to 599"]],
    [{ check: { body: {} } }, ["health.check.body: expects one thing: give it contains or regex"]],
    [
      { check: { body: { contains: "a", regex: "b" } } },
      ["health.check.body: expects one thing: give it contains or regex"],
    ],
    [
      { check: { body: { contains: "" } } },
      ['health.check.body.contains: "": every body contains it; write what it must hold'],
    ],
    [{ check: { body: { regex: "(?=a)" } } }, ['health.check.body.regex: "(?=a)": look-around']],
    [
      { check: { kind: "tcp", path: "/" } },
      ["health.check: path only means something with kind: http; leave it out, or make it that"],
    ],
    [{ check: { interval: "5" } }, ['health.check.interval: "5": has no unit']],
    [{ check: { rise: 0 } }, ["health.check.rise: expected a whole number from 1 to 1000, got 0"]],
    [{ check: { jitter: "51%" } }, ['health.check.jitter: "51%": write a share from 0% to 50%']],
    [{ check: { port: 65536 } }, ["health.check.port: expected a whole number from 1 to 65535, got 65536"]],
    [{ agent: {} }, ["health.agent.port: is missing; it is required here"]],
    [{ agent: true }, ["health.agent: expected a map of port, interval, timeout, got true"]],
    [
      { ejection: true },
      [
        "health.ejection: expected false, or a map of consecutiveFailures, baseTime, … (it is on when left out), got true",
      ],
    ],
    [
      { ejection: { maxShare: 0.5 } },
      ['health.ejection.maxShare: expected a share such as "10%", got 0.5; write it with a percent sign'],
    ],
    [
      { ejection: { consecutiveFailures: 0 } },
      ["health.ejection.consecutiveFailures: expected a whole number from 1 to 10000, got 0"],
    ],
    [
      { ejection: { successRate: { deviations: -1 } } },
      ["health.ejection.successRate.deviations: expected a number from 0 to 100, got -1"],
    ],
    [{ panicThreshold: "101%" }, ['health.panicThreshold: "101%": write a share from 0% to 100%']],
    [
      { check: { rise: 0, fall: 0 }, panicThreshold: 1 },
      ["health.check.rise", "health.check.fall", "health.panicThreshold"],
    ],
  ] as const) {
    it(`is refused as ${JSON.stringify(health)}`, () => {
      const problems = problemsOf(health);
      assert.equal(problems.length, expected.length, problems.join("\n"));
      for (const [index, start] of expected.entries())
        assert.ok(problems[index]?.startsWith(start), `${problems[index]}\ninstead of\n${start}`);
    });
  }

  it("takes digits from variables", () => {
    assert.deepEqual(
      problemsOf({ check: { port: "81", status: "204" }, ejection: { successRate: { deviations: "2.5" } } }),
      [],
    );
  });

  it("needs ports where other ports are asked", () => {
    const unix = ["a:1", "unix:/run/app"];
    assert.deepEqual(problemsOf({ check: true }, unix), []);
    assert.deepEqual(problemsOf({ check: { port: 1 }, agent: { port: 2 } }, unix), [
      'health.check.port: "unix:/run/app" has no other port; leave it out, or give this server an upstream of its own',
      'health.agent.port: "unix:/run/app" has no other port; leave it out, or give this server an upstream of its own',
    ]);
  });
});

describe("the state of a server", () => {
  it("is one of three", () => {
    for (const state of ["ready", "drain", "maintenance"])
      assert.deepEqual(problemsOf({}, [{ address: "a:1", state }]), []);
    assert.deepEqual(problemsOf({}, [{ address: "a:1", state: "maint" }]), [
      'servers[0].state: expected one of ready, drain, maintenance, got "maint"; did you mean "maintenance"?',
    ]);
  });
});
