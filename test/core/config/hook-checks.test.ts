import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { formatPath } from "../../../core/config/problem.ts";

function problems(route: object, more: object = {}): string[] {
  const compiled = compileConfig({
    listeners: [":80"],
    upstreams: { app: { servers: ["127.0.0.1:1"] } },
    routes: [route],
    ...more,
  });
  const found = "problems" in compiled ? compiled.problems : [];
  return found.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}
const run = () => "app";

describe("hooks of a configuration", () => {
  it("are right in each of their forms", () => {
    assert.deepEqual(problems({ target: run }), []);
    assert.deepEqual(problems({ target: { run, timeout: "200ms", fallback: { upstream: "app" } } }), []);
    assert.deepEqual(problems({ mount: { fetch: () => new Response() } }), []);
    assert.deepEqual(
      problems({ upstream: "app", hooks: { onRequest: run, onFinish: run } }, { hooks: { decide: run } }),
      [],
    );
  });

  it("need a function that is there", () => {
    assert.deepEqual(problems({ target: {} }), [
      "routes[0].target: has no function; give it run, or script and export",
    ]);
    assert.match(problems({ target: { script: "x.ts" } })[0] ?? "", /^routes\[0\].target.script: names a script/);
    assert.match(problems({ mount: { script: "x.ts" } })[0] ?? "", /^routes\[0\].mount.script: names a script/);
    assert.match(problems({ target: { script: "x.ts", run } })[0] ?? "", /stands beside run/);
    assert.match(
      problems({ upstream: "app" }, { hooks: { decide: { script: "x.ts" } } })[0] ?? "",
      /^hooks.decide.script/,
    );
  });

  it("fall back on an upstream that is there", () => {
    assert.deepEqual(problems({ upstream: "app", hooks: { decide: { run, fallback: { upstream: "ap" } } } }), [
      'routes[0].hooks.decide.fallback.upstream: no upstream is called "ap"; did you mean "app"?',
    ]);
  });

  it("leave open which upstreams are used", () => {
    const warnings = (route: object) =>
      compileConfig({
        listeners: [":80"],
        upstreams: { app: { servers: ["127.0.0.1:1"] }, other: { servers: ["127.0.0.1:2"] } },
        routes: [route],
      }).warnings.length;
    assert.equal(warnings({ upstream: "app" }), 1);
    assert.equal(warnings({ target: run }), 0);
    assert.equal(warnings({ upstream: "app", hooks: { decide: run } }), 0);
  });
});
