import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createHash, type HashMethod } from "../../../core/balance/hash.ts";
import { createMaglev } from "../../../core/balance/maglev.ts";
import { createRendezvous } from "../../../core/balance/rendezvous.ts";
import { createRing } from "../../../core/balance/ring.ts";
import { RENDEZVOUS_SERVERS_MAX } from "../../../core/limits.ts";
import { choiceOf, isNear, type Server, servers, tallyOf, toolsOf } from "./servers.ts";

const KEYS = Array.from({ length: 300 }, (_, i) => `k${i}`);

describe("a balancer that hashes", () => {
  const placesOf = (method: HashMethod, list: readonly Server[]): (Server | null)[] => {
    const balancer = createHash({ method, boundedLoad: null }, toolsOf(1));
    return KEYS.map((key) => balancer.choose(choiceOf(list), key));
  };

  it("does it by the method that was asked for", () => {
    const list = servers([1, 2, 3]);
    for (const [method, create] of [
      ["rendezvous", createRendezvous],
      ["ring", createRing],
      ["maglev", createMaglev],
    ] as const) {
      const table = create(list);
      assert.deepEqual(
        placesOf(method, list),
        KEYS.map((key) => table.find(choiceOf(list), key)),
      );
    }
  });

  it("chooses the method by the number of servers when left to itself", () => {
    for (const [count, method] of [
      [RENDEZVOUS_SERVERS_MAX - 1, "rendezvous"],
      [RENDEZVOUS_SERVERS_MAX, "rendezvous"],
      [RENDEZVOUS_SERVERS_MAX + 1, "maglev"],
    ] as const) {
      const list = servers(new Array(count).fill(1));
      assert.deepEqual(placesOf("auto", list), placesOf(method, list), String(count));
    }
  });

  it("leaves requests without a key to two random choices", () => {
    const list = servers([1, 1], [5, 0]);
    const balancer = createHash({ method: "auto", boundedLoad: null }, toolsOf(1));
    for (let i = 0; i < 20; i++) assert.equal(balancer.choose(choiceOf(list), "")!.name, "b");
    const idle = servers([1, 3]);
    const tally = tallyOf(idle, 2_000, () => balancer.choose(choiceOf(idle), ""));
    assert.ok(isNear(tally[0]!, 2_000, 0.25), String(tally));
  });

  it("makes its table anew for another list only", () => {
    const [few, many] = [servers([1, 1]), servers([1, 1, 1, 1])];
    const balancer = createHash({ method: "ring", boundedLoad: null }, toolsOf(1));
    const first = KEYS.map((key) => balancer.choose(choiceOf(few), key)!.name);
    assert.ok(KEYS.some((key) => balancer.choose(choiceOf(many), key)!.name === "d"));
    assert.deepEqual(
      KEYS.map((key) => balancer.choose(choiceOf(few), key)!.name),
      first,
    );
  });

  it("passes over a server at its bound, and comes back to it", () => {
    const list = servers([1, 1, 1]);
    const balancer = createHash({ method: "rendezvous", boundedLoad: 1.5 }, toolsOf(1));
    const home = balancer.choose(choiceOf(list), "key")!;
    home.inFlight = 1;
    const next = balancer.choose(choiceOf(list), "key")!;
    assert.notEqual(next, home);
    assert.equal(balancer.choose(choiceOf(list), "key"), next, "not by lot");
    home.inFlight = 0;
    assert.equal(balancer.choose(choiceOf(list), "key"), home);
  });
});
