import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { lookUpHosts, parseHosts, parseResolvers } from "../../adapters/system-names.ts";

const at53 = (host: string) => ({ kind: "tcp", host, port: 53 });

describe("the hosts file", () => {
  it("gives each name its addresses, once", () => {
    const hosts = parseHosts(
      [
        "127.0.0.1 localhost # this machine",
        "::1\tlocalhost ip6-localhost",
        "#10.0.0.9 app.internal",
        "10.0.0.1   App.Internal app",
        "10.0.0.2 app.internal",
        "10.0.0.2 app.internal",
        "nonsense app.internal",
        "10.0.0.3 a..b",
        "",
      ].join("\r\n"),
    );
    assert.deepEqual(Object.fromEntries(hosts), {
      localhost: ["127.0.0.1", "::1"],
      "ip6-localhost": ["::1"],
      "app.internal": ["10.0.0.1", "10.0.0.2"],
      app: ["10.0.0.1"],
    });
  });

  it("knows localhost in any case, and nothing of other names", () => {
    assert.deepEqual(lookUpHosts("localhost", "A"), ["127.0.0.1"]);
    assert.deepEqual(lookUpHosts("anything.localhost", "AAAA"), ["::1"]);
    assert.equal(lookUpHosts("no-such-host.invalid", "A"), null);
  });
});

describe("the file of resolvers", () => {
  it("gives servers, search list and dots, as many as the C library takes", () => {
    const servers = ["10.0.0.1", "fd00::53", "10.0.0.3", "10.0.0.4"];
    const text = [
      "; a comment",
      ...servers.map((server) => `nameserver ${server}`),
      "nameserver not-an-address",
      "search one.internal two.internal. bad..name a b c d e f",
      "options timeout:1 ndots:5",
    ].join("\n");
    assert.deepEqual(parseResolvers(text), {
      servers: servers.slice(0, 3).map(at53),
      search: ["one.internal", "two.internal", "a", "b", "c", "d"],
      dots: 5,
    });
  });

  it("means this machine when it names nobody", () => {
    assert.deepEqual(parseResolvers(""), { servers: [at53("127.0.0.1")], search: [], dots: 1 });
    assert.equal(parseResolvers("options ndots:99").dots, 15);
    assert.equal(parseResolvers("options ndots:x").dots, 0);
  });
});
