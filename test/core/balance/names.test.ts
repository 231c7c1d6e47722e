import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { BALANCE_NAMES, BALANCER_NAMES } from "../../../core/balance/names.ts";
import { BALANCERS } from "../../../core/balance/registry.ts";
import { compileConfig } from "../../../core/config/compile.ts";

describe("names of balancers", () => {
  it("all stand for one", () => {
    assert.deepEqual(Object.keys(BALANCERS), [...BALANCER_NAMES]);
  });

  it("may all be written in a configuration", () => {
    for (const balance of BALANCE_NAMES) {
      const compiled = compileConfig({
        listeners: ["127.0.0.1:1"],
        upstreams: { app: { servers: ["127.0.0.1:2"], balance } },
        routes: [{ upstream: "app" }],
      });
      assert.ok("snapshot" in compiled, balance);
    }
  });
});
