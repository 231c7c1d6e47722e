import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { nearestName, suggestion } from "../../../core/config/suggest.ts";

describe("suggestions", () => {
  const known = ["listeners", "upstreams", "routes", "limits", "timeouts"];
  for (const [typed, meant] of [
    ["listenrs", "listeners"],
    ["lsiteners", "listeners"],
    ["Routes", "routes"],
    ["upstream", "upstreams"],
    ["timeout", "timeouts"],
  ] as const) {
    it(`finds ${meant} for ${typed}`, () => assert.equal(nearestName(typed, known), meant));
  }

  it("finds the only name that an abbreviation can stand for", () => {
    assert.equal(nearestName("maint", ["ready", "drain", "maintenance"]), "maintenance");
    assert.equal(nearestName("maxConn", ["address", "maxConnections"]), "maxConnections");
    assert.equal(nearestName("min", ["minimumRequests", "minimumServers"]), null);
    assert.equal(nearestName("ma", ["ready", "drain", "maintenance"]), null);
  });

  it("finds nothing for what is far from all", () => {
    assert.equal(nearestName("certificate", known), null);
    assert.equal(nearestName("x".repeat(100_000), known), null);
  });

  it("says what there is when nothing is near", () => {
    assert.equal(suggestion("xyz", ["app"]), "known is app");
    assert.equal(suggestion("xyz", []), "none is defined");
    assert.match(
      suggestion(
        "qqqqq",
        Array.from({ length: 50 }, (_, index) => `name${index}`),
      ),
      /known are name0, .*name11, …$/,
    );
  });
});
