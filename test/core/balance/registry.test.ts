import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { BalancerName } from "../../../core/balance/names.ts";
import { BALANCERS } from "../../../core/balance/registry.ts";
import { servers, take, toolsOf } from "./servers.ts";

describe("balancers by name", () => {
  const check = (name: BalancerName, expected: string): void =>
    assert.equal(take(BALANCERS[name](toolsOf(1)), servers([3, 1], [3, 0]), expected.length, true), expected);

  it("are the ones the names say", () => {
    check("round-robin", "aaba");
    check("least-busy", "baaaba");
    check("two-choices", "babaaa");
    check("random", "baaaaa");
  });
});
