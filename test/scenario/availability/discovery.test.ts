import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { ResolveErrorCode } from "../../../core/runtime.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";

/** Servers found by name: what happens when DNS says something else, something wrong, or nothing. */

const NAME = "app.internal";
const SERVICE = "_http._tcp.app.internal";
const A = "10.0.0.1:9000";
const B = "10.0.0.2:9000";
const C = "10.0.0.3:9000";
const V6 = "[fd00::1]:9000";

let fleet: Fleet;
afterEach(() => fleet.close());

const fleetAt = (addresses: readonly string[], options: FleetOptions = {}): Fleet => {
  fleet = new Fleet({ addresses, list: [`${NAME}:9000`], ...options });
  return fleet;
};
const labels = (): string[] => fleet.endpoints.map(({ label }) => label);
const noticesOf = (kind: string): number => fleet.notices.filter((notice) => notice.kind === kind).length;
const arrivals = (): number[] => fleet.servers.map(({ arrivals: { length } }) => length);

describe("A14: another address", () => {
  it("A14 within TTL + 1 s new requests go there, those under way finish, idle connections close", async () => {
    const { sim } = fleetAt([A, B]);
    sim.zone.addresses(NAME, ["10.0.0.1"], 5);
    await fleet.start();
    fleet.load({ everyMs: 10, forMs: 5_900 });
    fleet.pass(3_000);
    // One that takes longer than the change.
    fleet.server(1).plan = { delayMs: 10_000 };
    const slow = fleet.ask();
    fleet.server(1).plan = {};
    sim.zone.addresses(NAME, ["10.0.0.2"], 5);
    fleet.pass(3_000);
    assert.deepEqual(labels(), [`${NAME}:9000/10.0.0.2`]);
    assert.equal(fleet.server(1).openLinks, 1, "the connection of the slow one");
    fleet.load({ everyMs: 10, forMs: 1_000 });
    const before = arrivals()[0];
    fleet.pass(1_000);
    assert.equal(arrivals()[0], before, "nothing new for the old server");
    fleet.pass(10_000);
    assert.equal(fleet.server(1).openLinks, 0);
    assert.deepEqual(fleet.tally(), { ok: 691 });
    assert.deepEqual(fleet.tally([slow]), { ok: 1 });
  });

  it("A14 servers that stay keep their connections, whatever the order of the answer", async () => {
    const { sim } = fleetAt([A, B, C]);
    sim.zone.addresses(NAME, ["10.0.0.2", "10.0.0.1"], 5);
    await fleet.start();
    fleet.load({ everyMs: 10, forMs: 3_000 });
    fleet.pass(3_000);
    const [first, second] = fleet.endpoints;
    sim.zone.addresses(NAME, ["10.0.0.3", "10.0.0.1", "10.0.0.2"], 5);
    fleet.pass(3_000);
    assert.deepEqual(
      labels(),
      ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((ip) => `${NAME}:9000/${ip}`),
    );
    assert.deepEqual(fleet.endpoints.slice(0, 2), [first, second]);
    assert.ok((first?.connections.idleCount ?? 0) > 0);
    assert.equal(fleet.server(1).links.length, fleet.server(1).openLinks);
    assert.deepEqual(noticesOf("servers-changed"), 1);
  });

  it("A14 Q06 asks once per TTL, not per request, and for two upstreams once", async () => {
    const { sim } = fleetAt([A], {
      config: { upstreams: { app: { servers: [`${NAME}:9000`] }, other: { servers: [`${NAME}:9001`] } } },
    });
    sim.zone.addresses(NAME, ["10.0.0.1"], 10);
    await fleet.start();
    fleet.load({ everyMs: 10, forMs: 29_000 });
    fleet.pass(29_000);
    assert.deepEqual(sim.zone.questions.length, 2 * 3);
    assert.deepEqual(fleet.tally(), { ok: 2_900 });
  });

  it("A14 Q06 holds a TTL of 0 for dns.minTtl, one of a day for dns.maxTtl", async () => {
    const { sim } = fleetAt([A]);
    sim.zone.addresses(NAME, ["10.0.0.1"], 0);
    await fleet.start();
    fleet.pass(9_900);
    assert.ok(sim.zone.questions.length <= 2 * 10, `${sim.zone.questions.length}`);
    assert.ok(sim.zone.questions.length >= 2 * 8, `${sim.zone.questions.length}`);
    sim.zone.addresses(NAME, ["10.0.0.1"], 86_400);
    fleet.pass(1_500);
    const asked = sim.zone.questions.length;
    fleet.pass(298_000);
    assert.equal(sim.zone.questions.length, asked);
    fleet.pass(3_000);
    assert.equal(sim.zone.questions.length, asked + 2);
  });
});

describe("A15: DNS fails", () => {
  const failures: readonly ResolveErrorCode[] = ["server-failure", "timeout", "not-found", "malformed", "unavailable"];
  for (const code of failures) {
    it(`A15 Q06 keeps the last good answer through ten minutes of ${code}`, async () => {
      const { sim } = fleetAt([A, B]);
      sim.zone.addresses(NAME, ["10.0.0.1"], 5);
      await fleet.start();
      sim.zone.fail(NAME, code);
      fleet.load({ everyMs: 1_000, forMs: 600_000 });
      fleet.pass(600_000);
      assert.deepEqual(fleet.tally(), { ok: 600 });
      assert.equal(noticesOf("name-failed"), 1, "said once");
      // Backed off to every 30 s.
      assert.ok(sim.zone.questions.length < 2 * 35, `${sim.zone.questions.length} questions`);
      sim.zone.addresses(NAME, ["10.0.0.2"], 5);
      sim.zone.restore(NAME);
      fleet.pass(33_000);
      assert.deepEqual(labels(), [`${NAME}:9000/10.0.0.2`]);
      assert.equal(noticesOf("name-resolved"), 1);
    });

    it(`A15 starts without an answer, ${code}, and is there when DNS is`, async () => {
      const { sim } = fleetAt([A]);
      sim.zone.addresses(NAME, ["10.0.0.1"], 5);
      sim.zone.fail(NAME, code);
      await fleet.start();
      fleet.ask();
      fleet.pass(5_000);
      assert.deepEqual(
        fleet.reports.map(({ status, fault }) => [status, fault]),
        [[503, "upstream.no-server"]],
      );
      sim.zone.restore(NAME);
      fleet.pass(8_000);
      const asked = fleet.ask();
      assert.deepEqual(fleet.tally([asked]), { ok: 1 });
    });
  }

  it("A15 keeps what an empty answer would take, also of one kind when the other fails", async () => {
    const { sim } = fleetAt([A, V6]);
    sim.zone.addresses(NAME, ["10.0.0.1", "fd00::1"], 5);
    await fleet.start();
    const both = labels();
    assert.equal(both.length, 2);
    sim.zone.fail(NAME, "server-failure", "AAAA");
    fleet.pass(20_000);
    assert.deepEqual(labels(), both);
    sim.zone.restore(NAME);
    sim.zone.fail(NAME, "not-found", "AAAA");
    fleet.pass(20_000);
    assert.deepEqual(labels(), [`${NAME}:9000/10.0.0.1`], "no longer has IPv6");
    sim.zone.addresses(NAME, []);
    fleet.pass(20_000);
    assert.deepEqual(labels(), [`${NAME}:9000/10.0.0.1`], "nothing at all is a mistake");
  });

  it("A15 uses what is there while the other kind hangs", async () => {
    const { sim } = fleetAt([A]);
    sim.zone.addresses(NAME, ["10.0.0.1"], 5);
    sim.zone.fail(NAME, "timeout", "AAAA");
    await fleet.start();
    const asked = fleet.ask();
    assert.deepEqual(fleet.tally([asked]), { ok: 1 });
    fleet.pass(60_000);
    assert.equal(noticesOf("name-failed"), 0);
  });

  it("A15 starts within 2 s when DNS does not answer", async () => {
    const { sim } = fleetAt([A]);
    sim.zone.addresses(NAME, ["10.0.0.1"], 5);
    sim.zone.delayMs = 60_000;
    const startedMs = sim.clock.now();
    await fleet.start();
    assert.ok(sim.clock.now() - startedMs < 2_200, `${sim.clock.now() - startedMs}`);
    fleet.pass(60_100);
    assert.equal(labels().length, 1);
  });

  it("A15 Q06 bounds 1,000 addresses, always to the same ones", async () => {
    const { sim } = fleetAt([A]);
    const all = Array.from({ length: 1_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    sim.zone.addresses(NAME, all, 5);
    await fleet.start();
    const before = labels();
    assert.equal(before.length, 256);
    sim.zone.addresses(NAME, all.toReversed(), 5);
    fleet.pass(20_000);
    assert.deepEqual(labels(), before);
    assert.equal(noticesOf("name-cut"), 1);
  });
});

describe("A38: one kind of address is dead", () => {
  // Slowly enough that the budget for second tries holds until the dead one is left out.
  const load = { everyMs: 500, forMs: 60_000, methods: ["GET", "POST"] };
  for (const [why, code] of [
    ["no way leads to it", "ENETUNREACH"],
    ["nobody listens there", "ECONNREFUSED"],
  ] as const) {
    it(`A38 a dead IPv6 address beside a good IPv4 one costs no errors: ${why}`, async () => {
      const { sim } = fleetAt([A, V6]);
      sim.zone.addresses(NAME, ["10.0.0.1", "fd00::1"], 60);
      sim.failConnect(V6, code);
      await fleet.start();
      fleet.load(load);
      fleet.pass(61_000);
      assert.deepEqual(fleet.tally(), { ok: 120 });
      assert.ok(fleet.reports.filter(({ attempts }) => attempts > 1).length <= 5, "tries in vain");
    });
  }

  it("A38 nor does one that never answers", async () => {
    const { sim } = fleetAt([A, V6]);
    sim.zone.addresses(NAME, ["10.0.0.1", "fd00::1"], 60);
    sim.hang(V6);
    await fleet.start();
    fleet.load(load);
    fleet.pass(64_000);
    assert.deepEqual(fleet.tally(), { ok: 120 });
    // Each waited for `timeouts.connect`.
    assert.ok(fleet.server(2).connectsMs.length <= 15, `${fleet.server(2).connectsMs.length} tries`);
  });
});

describe("several kinds of addresses", () => {
  it("Q06 finds servers that have AAAA addresses only", async () => {
    const { sim } = fleetAt([V6]);
    sim.zone.addresses(NAME, ["fd00::1"], 5);
    await fleet.start();
    fleet.load({ everyMs: 100, forMs: 20_000 });
    fleet.pass(20_000);
    assert.deepEqual(labels(), [`${NAME}:9000/fd00::1`]);
    assert.deepEqual(fleet.tally(), { ok: 200 });
    assert.equal(noticesOf("name-failed"), 0, "having no A record is no failure");
  });

  it("starts nobody slowly of those that are found at the start, in however many pieces", async () => {
    const { sim } = fleetAt([A, B, V6], { list: [A, `${NAME}:9000`], upstream: { slowStart: "10s" } });
    sim.zone.addresses(NAME, ["10.0.0.2", "fd00::1"], 5);
    await fleet.start();
    assert.deepEqual(
      fleet.endpoints.map(({ label, weight }) => [label, weight]),
      [
        [A, 1],
        [`${NAME}:9000/10.0.0.2`, 1],
        [`${NAME}:9000/fd00::1`, 1],
      ],
    );
    sim.zone.addresses(NAME, ["10.0.0.2", "10.0.0.3", "fd00::1"], 5);
    fleet.pass(6_000);
    assert.equal(fleet.endpoints.length, 4);
    assert.ok(fleet.endpoints[2]!.weight < 0.3, "one that joins later starts slowly");
  });
});

describe("services", () => {
  it("finds servers by SRV, and follows targets, ports and weights", async () => {
    const { sim } = fleetAt([A, B, "10.0.0.2:9001"], { list: [{ srv: SERVICE }] });
    sim.zone.services(
      SERVICE,
      [
        { host: "b.internal", port: 9000, weight: 2 },
        { host: "a.internal", port: 9000, weight: 1 },
      ],
      5,
    );
    sim.zone.addresses("a.internal", ["10.0.0.1"], 60);
    sim.zone.addresses("b.internal", ["10.0.0.2"], 60);
    await fleet.start();
    assert.deepEqual(
      fleet.endpoints.map(({ label, weight }) => [label, weight]),
      [
        ["a.internal:9000/10.0.0.1", 1],
        ["b.internal:9000/10.0.0.2", 2],
      ],
    );
    const asked = fleet.ask();
    assert.deepEqual(fleet.tally([asked]), { ok: 1 });
    sim.zone.services(SERVICE, [{ host: "b.internal", port: 9001, weight: 0 }], 5);
    fleet.pass(6_000);
    assert.deepEqual(labels(), ["b.internal:9001/10.0.0.2"]);
    // The target that is gone is not asked for any more.
    const before = sim.zone.questions.length;
    fleet.pass(120_000);
    assert.ok(!sim.zone.questions.slice(before).some((question) => question.endsWith(" a.internal")));
  });

  it("keeps the old targets until the new ones have addresses", async () => {
    const { sim } = fleetAt([A, B], { list: [{ srv: SERVICE }] });
    sim.zone.services(SERVICE, [{ host: "a.internal", port: 9000 }], 5);
    sim.zone.addresses("a.internal", ["10.0.0.1"], 60);
    await fleet.start();
    sim.zone.services(SERVICE, [{ host: "b.internal", port: 9000 }], 5);
    sim.zone.fail("b.internal", "timeout");
    fleet.pass(30_000);
    assert.deepEqual(labels(), ["a.internal:9000/10.0.0.1"]);
    sim.zone.addresses("b.internal", ["10.0.0.2"], 60);
    sim.zone.restore("b.internal");
    fleet.pass(35_000);
    assert.deepEqual(labels(), ["b.internal:9000/10.0.0.2"]);
  });
});

describe("a reload", () => {
  it("keeps what was found, and asks nothing again", async () => {
    const { sim, proxy } = fleetAt([A, B]);
    sim.zone.addresses(NAME, ["10.0.0.1", "10.0.0.2"], 60);
    await fleet.start();
    fleet.ask();
    const before = fleet.endpoints;
    const questions = sim.zone.questions.length;
    await sim.until(proxy.reload(fleet.compile({ pool: { idle: 3 } })), 10_000);
    assert.deepEqual(fleet.endpoints, before);
    assert.equal(sim.zone.questions.length, questions);
    sim.zone.addresses(NAME, ["10.0.0.2"], 60);
    fleet.pass(61_000);
    assert.deepEqual(labels(), [`${NAME}:9000/10.0.0.2`], "the new group goes on watching");
    await sim.until(proxy.reload(fleet.compile({ servers: [A] })), 10_000);
    const after = sim.zone.questions.length;
    fleet.pass(300_000);
    assert.equal(sim.zone.questions.length, after, "nobody needs the name any more");
  });
});
