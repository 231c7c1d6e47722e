import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { type Fleet, fleetOf, isUnsafe } from "./fleet.ts";

/** Servers that fail a request: another one gets it, if it may be done twice. */

let fleet: Fleet;
afterEach(() => fleet.close());

const SAFE = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];

describe("a server that dies before it answers", () => {
  for (const act of ["reset", "end"] as const) {
    it(`A04 is left for another by what may be done twice, and by nothing else: ${act}`, async () => {
      fleet = await fleetOf({ upstream: { health: { ejection: false } } });
      // Slowly enough for the budget of second tries: a tenth of the requests, and three a second.
      fleet.load({ everyMs: 100, forMs: 23_000, methods: [...SAFE, "POST", "PATCH"] });
      fleet.pass(3_000);
      fleet.server(1).plan = { act };
      fleet.server(1).arrivals.length = 0;
      const keptBefore = fleet.server(1).openLinks;
      fleet.pass(22_000);
      const [unsafe, safe] = [true, false].map((wanted) =>
        fleet.asked.filter(({ method }) => isUnsafe(method) === wanted),
      );
      assert.deepEqual(fleet.tally(safe), { ok: safe?.length }, "no error for idempotent requests");
      assert.deepEqual(fleet.duplicates(isUnsafe), [], "no POST twice");
      const failed = fleet.server(1).arrivals.filter(({ method }) => isUnsafe(method)).length;
      assert.ok(failed > 5, "the dying server got some");
      assert.deepEqual(fleet.tally(unsafe), { ok: (unsafe?.length ?? 0) - failed, 502: failed });
      const beyondTwo = [...fleet.arrivals().values()].filter((all) => all.length > 2);
      assert.ok(beyondTwo.length <= keptBefore, "one further try at most, beside what replaces a kept connection");
      assert.ok(beyondTwo.every((all) => all.length === 3));
    });
  }

  it("A04 gets a request with an Idempotency-Key once more, whatever its method", async () => {
    fleet = await fleetOf({ upstream: { health: { ejection: false } } });
    fleet.load({ everyMs: 100, forMs: 9_000, method: "POST", body: "pay", fields: ['Idempotency-Key: "8e03978e"'] });
    fleet.pass(3_000);
    fleet.server(1).plan = { act: "reset" };
    fleet.pass(7_000);
    assert.deepEqual(fleet.tally(), { ok: 90 });
  });
});

describe("a server that hangs after the head, among others", () => {
  it("A06 is left for another in time where a deadline per try is set", async () => {
    fleet = await fleetOf({ upstream: { retries: { perTryTimeout: "1s" }, health: { ejection: false } } });
    fleet.server(1).plan = { act: "hang" };
    fleet.load({ everyMs: 500, forMs: 10_000 });
    fleet.load({ everyMs: 500, forMs: 10_000, startMs: 250, method: "POST" });
    fleet.pass(15_000);
    const [gets, posts] = ["GET", "POST"].map((wanted) => fleet.asked.filter(({ method }) => method === wanted));
    assert.deepEqual(fleet.tally(gets), { ok: 20 });
    assert.ok(Math.max(...(gets ?? []).map(({ tookMs }) => tookMs)) <= 1_000 + 250 + 150);
    const hung = fleet.server(1).arrivals.filter(({ method }) => method === "POST").length;
    assert.deepEqual(fleet.tally(posts), { ok: 20 - hung, ...(hung > 0 && { 504: hung }) });
    assert.deepEqual(fleet.duplicates(isUnsafe), []);
  });
});
