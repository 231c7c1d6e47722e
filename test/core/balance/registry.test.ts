import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { BALANCERS, DEFAULT_BALANCER } from "../../../core/balance/registry.ts";
import { servers, take } from "./servers.ts";

describe("balancers by name", () => {
  const check = (name: string, expected: string): void =>
    assert.equal(take(BALANCERS[name]!(), servers([3, 1], [3, 0]), expected.length, true), expected);

  it("are the ones the names say", () => {
    assert.deepEqual(Object.keys(BALANCERS), ["round-robin", "least-busy"]);
    check("round-robin", "aaba");
    check("least-busy", "baaaba");
  });

  it("have a default among them", () => assert.ok(DEFAULT_BALANCER in BALANCERS));
});
