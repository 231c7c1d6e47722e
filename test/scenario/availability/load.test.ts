import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf } from "./fleet.ts";
import { bodyFor } from "./fleet-server.ts";

/** Clients that leave, and more work than there is room for. */

let fleet: Fleet;
afterEach(() => fleet.close());

describe("clients that leave", () => {
  for (const [name, method, how] of [
    ["in the middle of a response, by a reset", "GET", "reset"],
    ["in the middle of a response, by closing", "GET", "destroy"],
    ["in the middle of an upload, by a reset", "POST", "reset"],
    ["in the middle of an upload, by closing", "POST", "destroy"],
  ] as const) {
    it(`A30 take their servers' work with them within 100 ms: ${name}`, async () => {
      fleet = await fleetOf({ servers: 2, plan: { bodyBytes: 20_000, bytesPerSecond: 10_000 } });
      const body = bodyFor("n", 3_000);
      for (let i = 0; i < 150; i++) {
        const peer = fleet.clients.connect();
        const whole = method === "GET" ? "" : body.slice(0, (i * 20) % body.length);
        const length = method === "GET" ? [] : [`Content-Length: ${body.length}`];
        peer.send([`${method} /n${i}x HTTP/1.1`, "Host: a", ...length, "", whole].join("\r\n"));
        if (method === "GET") peer.send("\r\n");
        fleet.pass(i % 50);
        peer[how]();
        fleet.pass(100);
        assert.equal(
          fleet.endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0),
          0,
          `request ${i}`,
        );
        const open = fleet.servers.reduce((sum, server) => sum + server.openLinks, 0);
        const idle = fleet.endpoints.reduce((sum, { connections }) => sum + connections.idleCount, 0);
        assert.equal(open, idle, `request ${i}: connections beside the idle ones`);
      }
      assert.equal(fleet.proxy.connectionCount, 0);
      fleet.pass(3_000);
      assert.ok(fleet.timersRunning <= 2, `${fleet.timersRunning} deadlines are left`);
    });
  }
});
