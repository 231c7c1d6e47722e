import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileServerList, defineSource } from "../../../core/config/server-list.ts";
import { SERVERS_PER_FILE_MAX } from "../../../core/limits.ts";

function problemsOf(list: unknown): string[] {
  const result = compileServerList(list);
  assert.ok("problems" in result);
  return result.problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

function kindsOf(list: unknown): string[] {
  const result = compileServerList(list);
  assert.ok(!("problems" in result), JSON.stringify(result));
  return result.map(({ kind, server }) => `${kind} ${server.label}`);
}

describe("a list of servers", () => {
  it("holds addresses, names and services, told apart", () => {
    assert.deepEqual(
      kindsOf([
        "127.0.0.1:9000",
        "[::1]:9000",
        "unix:/run/app.sock",
        "App.Internal:9000",
        { address: "app.internal:9001", weight: 3 },
        { srv: "_http._tcp.App.internal" },
      ]),
      [
        "static 127.0.0.1:9000",
        "static [::1]:9000",
        "static unix:/run/app.sock",
        "name App.Internal:9000",
        "name app.internal:9001",
        "service _http._tcp.App.internal",
      ],
    );
  });

  it("keeps what the entry says of its servers", () => {
    const source = defineSource({
      srv: "_http._tcp.app.internal",
      maxConnections: 5,
      backup: true,
      state: "drain",
    });
    assert.ok(source.kind === "service");
    const { connectionsMax, isBackup, state } = source.server;
    assert.deepEqual([source.name, connectionsMax, isBackup, state], ["_http._tcp.app.internal", 5, true, "drain"]);
    assert.deepEqual(defineSource({ file: "/etc/servers.yaml" }), { kind: "file", path: "/etc/servers.yaml" });
  });

  it("may be empty in a file, but has to be a list, without files in it", () => {
    assert.deepEqual(kindsOf([]), []);
    assert.match(problemsOf({ servers: [] })[0]!, /holds no list; write servers line by line/);
    assert.match(problemsOf(null)[0]!, /holds no list/);
    assert.match(problemsOf([{ file: "other.yaml" }])[0]!, /unknown key|address/);
  });

  it("says how a server gets no new requests where its weight is 0", () => {
    const [problem] = problemsOf([{ address: "a:80", weight: 0 }]);
    assert.match(problem!, /weight: expected .* from 1 to 1000, got 0; for no new requests write state: drain$/);
  });

  it("reports every problem with its place", () => {
    assert.deepEqual(problemsOf(["a", { address: "127.0.0.1:9000", wieght: 2 }, 5]), [
      '0: "a": has no port; write one, such as "a:8080"',
      '1.wieght: unknown key; did you mean "weight"?',
      '2: expected an address such as "127.0.0.1:9000", or a map with address and weight, with srv, got 5',
    ]);
  });

  it(`holds ${SERVERS_PER_FILE_MAX} servers at most`, () => {
    const list = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.1.${i >> 8}.${i & 255}:1`);
    assert.equal(kindsOf(list(SERVERS_PER_FILE_MAX - 1)).length, SERVERS_PER_FILE_MAX - 1);
    assert.equal(kindsOf(list(SERVERS_PER_FILE_MAX)).length, SERVERS_PER_FILE_MAX);
    assert.match(problemsOf(list(SERVERS_PER_FILE_MAX + 1))[0]!, /split it into several files/);
  });
});
