import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { STICKY_SECRET_BYTES_MIN } from "../../../core/limits.ts";
import type { UpstreamDefinition } from "../../../core/upstream/definition.ts";

const configOf = (upstream: object) => ({
  listeners: [":80"],
  upstreams: { app: { servers: ["a:1"], ...upstream } },
  routes: [{ upstream: "app" }],
});

function defined(upstream: object): UpstreamDefinition {
  const compiled = compileConfig(configOf(upstream));
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot.upstreams[0]!;
}

function problem(upstream: object): string {
  const compiled = compileConfig(configOf(upstream));
  if (!("problems" in compiled)) assert.fail(`took ${JSON.stringify(upstream)}`);
  assert.equal(compiled.problems.length, 1, JSON.stringify(compiled.problems));
  const [{ path, message }] = compiled.problems as unknown as [{ path: readonly unknown[]; message: string }];
  return `${path.slice(2).join(".")}: ${message}`;
}

describe("balance", () => {
  it("is a name, or what to hash", () => {
    const check = (balance: unknown, expected: unknown): void =>
      assert.deepEqual(defined({ balance }).balance, expected);
    check("peak-ewma", "peak-ewma");
    const hash = (part: object, own: object = {}) => ({ part, method: "auto", boundedLoad: null, ...own });
    check("client-address", hash({ kind: "client-address" }));
    check({ hash: "header:X-User" }, hash({ kind: "header", name: "x-user" }));
    check({ hash: "cookie:Session" }, hash({ kind: "cookie", name: "Session" }));
    check({ hash: "query:a b:ü" }, hash({ kind: "query", name: "a b:\xc3\xbc" }));
    for (const kind of ["path", "host", "client-address"]) check({ hash: kind }, hash({ kind }));
    check({ hash: "path", method: "ring" }, hash({ kind: "path" }, { method: "ring" }));
    for (const boundedLoad of [1.25, "1.25"])
      check({ hash: "path", boundedLoad }, hash({ kind: "path" }, { boundedLoad: 1.25 }));
    check({ hash: "path", boundedLoad: 100 }, hash({ kind: "path" }, { boundedLoad: 100 }));
    assert.equal(defined({}).balance, "two-choices");
  });

  it("that is neither is answered with what would be right", () => {
    const check = (balance: unknown, expected: RegExp): void => assert.match(problem({ balance }), expected);
    check(
      "roundrobin",
      /^balance: expected one of two-choices, round-robin, .*client-address, or a map such as \{ hash: "header:X-User" \}, got "roundrobin"; did you mean "round-robin"\?$/,
    );
    check("leastconn", /got "leastconn"; it is called least-busy here$/);
    check("ip_hash", /got "ip_hash"; it is called client-address here$/);
    check("fastest", /or a map such as .*, got "fastest"$/);
    check(5, /^balance: expected one of .*, got 5$/);
    check([Object.create(null)], /^balance: expected one of .*, got a list$/);
    check({ hash: "path", toString: "x" }, /^balance.toString: unknown key; known are hash, method, boundedLoad$/);
    check({ hash: "header" }, /^balance.hash: "header": write "header:X-User", "cookie:name"/);
    check({ hash: "header:" }, /^balance.hash: .*write/);
    check({ hash: "header:X User" }, /^balance.hash: .*write/);
    check({ hash: "body:x" }, /^balance.hash: .*write/);
    check({ hash: "path:x" }, /^balance.hash: .*write/);
    check({ method: "ring" }, /^balance.hash: is missing/);
    check({ hash: "path", method: "jump" }, /^balance.method: expected one of auto, rendezvous, ring, maglev/);
    check({ hash: "path", methd: "ring" }, /^balance.methd: unknown key; did you mean "method"/);
    for (const boundedLoad of [1, 0.5, 100.1, "x", "125%"])
      check(
        { hash: "path", boundedLoad },
        /^balance.boundedLoad: expected a number above 1, at most 100, such as 1.25, got /,
      );
  });
});

describe("sticky", () => {
  const secret = "0123456789abcdef";

  it("has a cookie of its own for each upstream, and lives as long as it is told", () => {
    assert.deepEqual(defined({ sticky: { secret } }).sticky, { cookie: "millrace-app", secret, maxAgeSeconds: null });
    assert.deepEqual(defined({ sticky: { secret, cookie: "s", maxAge: "1h" } }).sticky, {
      cookie: "s",
      secret,
      maxAgeSeconds: 3_600,
    });
    assert.equal(defined({ sticky: { secret, maxAge: "10ms" } }).sticky?.maxAgeSeconds, 1);
    assert.equal(defined({}).sticky, undefined);
  });

  it("needs a secret that can't be guessed, and never shows it", () => {
    assert.match(problem({ sticky: {} }), /^sticky.secret: is missing/);
    const short = "x".repeat(STICKY_SECRET_BYTES_MIN - 1);
    assert.match(problem({ sticky: { secret: short } }), /^sticky.secret: is too short .* at least 16 bytes, such as/);
    assert.ok(!problem({ sticky: { secret: short } }).includes("xx"));
    assert.ok(!problem({ sticky: { secret: 1234567 } }).includes("1234567"));
    assert.equal(problem({ sticky: "0123456789abcdef" }), "sticky: expected a map of cookie, secret, maxAge");
    for (const good of ["x".repeat(STICKY_SECRET_BYTES_MIN), "x".repeat(STICKY_SECRET_BYTES_MIN + 1), "ü".repeat(8)])
      assert.equal(defined({ sticky: { secret: good } }).sticky?.secret, good);
  });

  it("refuses a name that no cookie can have", () => {
    for (const cookie of ["", "a b", "a=b", "a;b", "ü"])
      assert.match(problem({ sticky: { secret, cookie } }), /^sticky.cookie: .* is no name of a cookie; write letters/);
  });
});

describe("servers that come second", () => {
  it("are told by priority, backup and slowStart", () => {
    const { servers, slowStartMs } = defined({
      servers: [
        { address: "127.0.0.1:1", priority: 127 },
        { address: "127.0.0.1:2", backup: true },
      ],
      slowStart: "10s",
    });
    assert.deepEqual(
      servers.map(({ priority, isBackup }) => [priority, isBackup]),
      [
        [127, false],
        [0, true],
      ],
    );
    assert.equal(slowStartMs, 10_000);
    assert.match(
      problem({ servers: [{ address: "127.0.0.1:1", priority: 128 }] }),
      /priority: expected a whole number from 0 to 127/,
    );
  });
});
