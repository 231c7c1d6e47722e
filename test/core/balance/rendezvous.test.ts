import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createRendezvous } from "../../../core/balance/rendezvous.ts";
import { checkHashing } from "./hash-cases.ts";
import { choiceOf, servers } from "./servers.ts";

describe("rendezvous hashing", () => {
  checkHashing(createRendezvous, { unevenness: 0, disruption: 1 });

  it("takes keys from the others for a heavier server, and moves no other ones", () => {
    const list = servers([2, 2, 2]);
    const before = createRendezvous(list);
    const heavier = list.map((server) => (server.name === "c" ? { ...server, fullWeight: 3 } : server));
    const after = createRendezvous(heavier);
    let gained = 0;
    for (let i = 0; i < 2_000; i++) {
      const [was, is] = [before.find(choiceOf(list), `k${i}`)!, after.find(choiceOf(heavier), `k${i}`)!];
      if (was.name === is.name) continue;
      assert.equal(is.name, "c");
      gained++;
    }
    assert.ok(gained > 100 && gained < 350, String(gained));
  });
});
