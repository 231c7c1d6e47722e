import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import { formatPath } from "../../../core/config/problem.ts";

const base = { listeners: [":80"], routes: [{ upstream: "app" }] };

function compile(servers: unknown, dns?: unknown) {
  return compileConfig({ ...base, upstreams: { app: { servers } }, ...(dns !== undefined && { dns }) });
}

function problemsOf(servers: unknown, dns?: unknown): string[] {
  const compiled = compile(servers, dns);
  assert.ok("problems" in compiled);
  return compiled.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

describe("servers that are found", () => {
  it("stand beside others, in the order of the configuration", () => {
    const compiled = compile(["10.0.0.1:1", { file: "servers.yaml" }, { srv: "_http._tcp.a" }, "a.internal:2"]);
    assert.ok("snapshot" in compiled);
    const [app] = compiled.snapshot.upstreams;
    assert.deepEqual(
      app?.sources?.map(({ kind }) => kind),
      ["static", "file", "service", "name"],
    );
    assert.deepEqual(
      app?.servers.map(({ label }) => label),
      ["10.0.0.1:1"],
    );
  });

  it("cost nothing where all have addresses", () => {
    const compiled = compile(["10.0.0.1:1", "unix:/run/app.sock"]);
    assert.ok("snapshot" in compiled);
    assert.equal(compiled.snapshot.upstreams[0]?.sources, undefined);
  });

  it("are refused with the right form", () => {
    assert.deepEqual(problemsOf([{ srv: "_http._tcp.app", weight: 3 }]), [
      "upstreams.app.servers[0].weight: unknown key; SRV records say it; leave it out",
    ]);
    assert.deepEqual(problemsOf([{ srv: "_http._tcp.app:80" }]), [
      'upstreams.app.servers[0].srv: "_http._tcp.app:80": leave out the port, which SRV records say',
    ]);
    assert.deepEqual(problemsOf([{ srv: "a b" }]), ['upstreams.app.servers[0].srv: "a b": "a b" is not a host name']);
    assert.deepEqual(problemsOf([{ file: "servers.txt" }]), [
      'upstreams.app.servers[0].file: "servers.txt": must end in .yaml, .yml or .json',
    ]);
    assert.deepEqual(problemsOf([{ file: "servers.yaml", weight: 2 }]), [
      "upstreams.app.servers[0].weight: unknown key; write it in the file, at the server",
    ]);
    assert.equal(problemsOf([{}]).length, 1);
    assert.match(problemsOf([{ adress: "a:1" }]).join("\n"), /adress: unknown key/);
  });

  it("have names of at most 63 characters between dots", () => {
    assert.ok("snapshot" in compile([`${"a".repeat(62)}:1`]));
    assert.ok("snapshot" in compile([`${"a".repeat(63)}.internal:1`]));
    assert.equal(problemsOf([`${"a".repeat(64)}.internal:1`]).length, 1);
  });
});

describe("dns", () => {
  it("has defaults, and takes one resolver or several", () => {
    const compiled = compile(["a:1"]);
    assert.ok("snapshot" in compiled);
    assert.deepEqual(compiled.snapshot.dns, { servers: [], timeoutMs: 2_000, ttlMsMin: 1_000, ttlMsMax: 300_000 });
    const other = compile(["a:1"], { servers: ["10.0.0.53", "127.0.0.1:5353", "[::1]:53", "fd00::53"], maxTtl: "1m" });
    assert.ok("snapshot" in other);
    assert.deepEqual(
      other.snapshot.dns.servers.map(({ host, port }) => `${host} ${port}`),
      ["10.0.0.53 53", "127.0.0.1 5353", "::1 53", "fd00::53 53"],
    );
    assert.equal(other.snapshot.dns.ttlMsMax, 60_000);
  });

  it("is refused with the right form", () => {
    assert.deepEqual(problemsOf(["a:1"], { servers: "dns.internal" }), [
      'dns.servers: "dns.internal": is no address of a resolver; write one such as "10.0.0.53" or "127.0.0.1:5353"',
    ]);
    assert.match(problemsOf(["a:1"], { servers: ["dns.internal:53"] })[0]!, /is no address of a resolver/);
    assert.match(problemsOf(["a:1"], { ttl: "1s" })[0]!, /^dns.ttl: unknown key/);
  });

  it("asks no more often than every 100 ms, and for some time", () => {
    assert.deepEqual(problemsOf(["a:1"], { minTtl: "99ms", timeout: "99ms" }), [
      "dns.minTtl: is too short; write 100ms or more",
      "dns.timeout: is too short; write 100ms or more",
    ]);
    assert.ok("snapshot" in compile(["a:1"], { minTtl: "100ms", timeout: "100ms", maxTtl: "100ms" }));
    assert.deepEqual(problemsOf(["a:1"], { minTtl: "10s", maxTtl: "9s" }), [
      "dns.maxTtl: is shorter than dns.minTtl; make it longer",
    ]);
  });
});
