import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { balancerOf } from "../../../core/upstream/balancer-of.ts";
import { choiceOf, servers, toolsOf } from "../balance/servers.ts";

describe("the balancer of an upstream", () => {
  it("is one by name, each time another one", () => {
    const create = balancerOf({ balance: "least-time" }, toolsOf(1));
    assert.ok(create().wantsLatency);
    assert.notEqual(create(), create());
  });

  it("or hashes", () => {
    const part = { kind: "path" } as const;
    const balance = { part, method: "rendezvous", boundedLoad: null } as const;
    const choice = choiceOf(servers([1, 1, 1]));
    const names = ["x", "x", "x"].map((key) => {
      return balancerOf({ balance }, toolsOf(1))().choose(choice, key)?.name;
    });
    assert.equal(new Set(names).size, 1);
  });
});
