import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { ResolvedRecord } from "../../../core/runtime.ts";
import { serverAt, serversOfService } from "../../../core/upstream/discovered-server.ts";
import { serverNamed } from "./discovery-parts.ts";

const template = { ...serverNamed("x.internal", 0), connectionsMax: 7 };

function service(host: string, weight: number, priority = 0): ResolvedRecord {
  return { host, port: 9000, weight, priority };
}

function addressOf(target: string): ResolvedRecord[] {
  return [{ host: `10.0.0.${target.charCodeAt(0) - 96}`, port: 0, weight: 0, priority: 0 }];
}

const weightsOf = (...services: ResolvedRecord[]): [string, number][] =>
  serversOfService(template, services, addressOf).map(({ label, weight }) => [label, weight]);

describe("discovered servers", () => {
  it("are called by what was written and what was found, and keep the rest", () => {
    const written = { host: "app.internal", port: 9002 };
    assert.deepEqual(serverAt(template, written, "fd00::1"), {
      ...template,
      label: "app.internal:9002/fd00::1",
      address: { kind: "tcp", host: "fd00::1", port: 9002 },
    });
  });

  it("take weights as they are, as far as they go", () => {
    assert.deepEqual(weightsOf(service("a", 0), service("b", 1), service("c", 1_000)), [
      ["a:9000/10.0.0.1", 1],
      ["b:9000/10.0.0.2", 1],
      ["c:9000/10.0.0.3", 1_000],
    ]);
  });

  it("scale weights that are beyond ours", () => {
    const weights = weightsOf(service("a", 1), service("b", 1_001), service("c", 500)).map(([, weight]) => weight);
    assert.deepEqual(weights, [1, 1_000, 500]);
    assert.deepEqual(
      weightsOf(service("a", 65_535), service("b", 32_768)).map(([, weight]) => weight),
      [1_000, 500],
    );
  });

  it("number priorities from 0, in their order", () => {
    const services = [service("a", 1, 500), service("b", 1, 10), service("c", 1, 10)];
    const priorities = serversOfService(template, services, addressOf).map((server) => [
      server.label[0],
      "priority" in server ? server.priority : null,
    ]);
    assert.deepEqual(priorities, [
      ["a", 1],
      ["b", 0],
      ["c", 0],
    ]);
  });

  it("have as many addresses as their target", () => {
    assert.deepEqual(
      serversOfService(template, [service("a", 1)], () => []),
      [],
    );
    const two = [...addressOf("a"), ...addressOf("b")];
    assert.equal(serversOfService(template, [service("a", 1)], () => two).length, 2);
  });
});
