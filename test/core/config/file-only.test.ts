import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { fileOnlyProblems } from "../../../core/config/file-only.ts";
import { formatPath } from "../../../core/config/problem.ts";

const told = (config: unknown): string[] =>
  fileOnlyProblems(config).map(({ path, message }) => `${formatPath(path)}: ${message}`);

describe("what only a file can say", () => {
  it("is a problem elsewhere, with what to do", () => {
    assert.deepEqual(told({ include: "sites/*.yaml" }), [
      "include: names files, which only a configuration file can do; give what they hold",
    ]);
    const secret = "${env:STICKY_SECRET}";
    const config = {
      upstreams: { app: { servers: ["127.0.0.1:1"], sticky: { secret } } },
      routes: [{ match: { header: { "X-Key": "${env:KEY:-none}" } }, upstream: "app" }],
    };
    assert.deepEqual(told(config), [
      `upstreams.app.sticky.secret: ${secret} is for configuration files; give the value, such as process.env["NAME"]`,
      'routes[0].match.header.X-Key: ${env:KEY:-none} is for configuration files; give the value, such as process.env["NAME"]',
    ]);
  });

  it("is nothing else: texts of the program's own, escaped ones, code, what stands twice", () => {
    const mount = { fetch: () => new Response(), text: "${env:A}" };
    const respond = { body: "write ${env:A}" };
    const redirect = { to: "/$${env:A}" };
    assert.deepEqual(told({ include: undefined, routes: [{ respond }, { respond }, { redirect }, { mount }] }), []);
    assert.deepEqual(told(null), []);
  });

  it("may contain itself", () => {
    const config: Record<string, unknown> = { respond: { to: "${env:A}" } };
    config["again"] = config;
    assert.equal(told(config).length, 1);
  });
});
