import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { KnownName } from "../../../core/upstream/known-name.ts";
import { type NamesBench, namesBench } from "./discovery-parts.ts";

const NAME = "app.internal";

interface Watched extends NamesBench {
  readonly known: KnownName;
  /** How often it was told of. */
  readonly changes: () => number;
  readonly asked: () => number;
}

function watched(prepare: (bench: NamesBench) => void): Watched {
  const bench = namesBench();
  prepare(bench);
  bench.names.start();
  let changes = 0;
  const known = bench.names.watch("addresses", NAME, () => changes++);
  bench.sim.drive();
  return { ...bench, known, changes: () => changes, asked: () => bench.sim.zone.questions.length / 2 };
}

const hosts = ({ known }: Watched): string[] => known.records.map(({ host }) => host);

describe("a name", () => {
  it("knows its addresses in an order of their own, IPv4 first", () => {
    const bench = watched(({ sim }) => sim.zone.addresses(NAME, ["fd00::2", "10.0.0.2", "fd00::1", "10.0.0.1"]));
    assert.equal(bench.known.isKnown, true);
    assert.deepEqual(hosts(bench), ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]);
  });

  it("tells only of changes", () => {
    const bench = watched(({ sim }) => sim.zone.addresses(NAME, ["10.0.0.1", "10.0.0.2"], 5));
    const before = bench.changes();
    bench.sim.zone.addresses(NAME, ["10.0.0.2", "10.0.0.1"], 5);
    bench.pass(20_000);
    assert.equal(bench.changes(), before);
    bench.sim.zone.addresses(NAME, ["10.0.0.2"], 5);
    bench.pass(6_000);
    assert.equal(bench.changes(), before + 1);
  });

  it("asks again after the TTL, not before", () => {
    const bench = watched(({ sim }) => sim.zone.addresses(NAME, ["10.0.0.1"], 7));
    assert.equal(bench.asked(), 1);
    bench.pass(6_950);
    assert.equal(bench.asked(), 1);
    bench.pass(200);
    assert.equal(bench.asked(), 2);
  });

  it("backs off from 1 s to 30 s while there is no answer, and starts anew after one", () => {
    const bench = watched(({ sim }) => sim.zone.fail(NAME, "server-failure"));
    const seconds: number[] = [];
    for (let second = 1; second <= 150; second++) {
      const before = bench.asked();
      bench.pass(1_000);
      if (bench.asked() > before) seconds.push(second);
    }
    const gaps = seconds.map((second, i) => second - (seconds[i - 1] ?? 0));
    for (const [i, least] of [0, 1, 3, 6, 12, 22, 22].entries())
      assert.ok(gaps[i]! >= least && gaps[i]! <= Math.min(2 ** i, 30) + 2, `${gaps}`);
    bench.sim.zone.addresses(NAME, ["10.0.0.1"], 1);
    bench.sim.zone.restore(NAME);
    bench.pass(31_000);
    bench.sim.zone.fail(NAME, "server-failure");
    const before = bench.asked();
    bench.pass(5_000);
    assert.ok(bench.asked() - before >= 3);
    assert.deepEqual(hosts(bench), ["10.0.0.1"]);
  });

  it("says once why it fails, again when that is another reason, and when it is over", () => {
    const bench = watched(({ sim }) => sim.zone.addresses(NAME, ["10.0.0.1"], 1));
    bench.sim.zone.fail(NAME, "server-failure");
    bench.pass(60_000);
    bench.sim.zone.restore(NAME);
    bench.sim.zone.fail(NAME, "timeout");
    bench.pass(90_000);
    bench.sim.zone.restore(NAME);
    bench.pass(60_000);
    assert.deepEqual(
      bench.notices.map((notice) => (notice.kind === "name-failed" ? [notice.error.code, notice.kept] : notice.kind)),
      [["server-failure", 1], ["timeout", 1], "name-resolved"],
    );
  });

  it("keeps at most 256 addresses, and says so once", () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    for (const [count, kept, notices] of [
      [255, 255, 0],
      [256, 256, 0],
      [257, 256, 1],
    ] as const) {
      const bench = watched(({ sim }) => sim.zone.addresses(NAME, many(count), 1));
      bench.pass(5_000);
      assert.deepEqual([bench.known.records.length, bench.notices.length], [kept, notices]);
    }
  });

  it("loses addresses of one kind, but never all", () => {
    const bench = watched(({ sim }) => sim.zone.addresses(NAME, ["10.0.0.1", "fd00::1"], 1));
    bench.sim.zone.fail(NAME, "not-found", "AAAA");
    bench.pass(2_000);
    assert.deepEqual(hosts(bench), ["10.0.0.1"]);
    bench.sim.zone.fail(NAME, "not-found");
    bench.pass(60_000);
    assert.deepEqual(hosts(bench), ["10.0.0.1"]);
  });

  it("does not wait for the TTL of one kind when nobody has answered for the other", () => {
    const bench = watched(({ sim }) => {
      sim.zone.addresses(NAME, ["10.0.0.1", "fd00::1"], 300);
      sim.zone.fail(NAME, "timeout", "A");
    });
    bench.pass(2_000);
    assert.deepEqual(hosts(bench), ["fd00::1"]);
    bench.sim.zone.restore(NAME);
    bench.pass(1_100);
    assert.deepEqual(hosts(bench), ["10.0.0.1", "fd00::1"]);
    assert.deepEqual([bench.asked(), bench.notices.length], [2, 0]);
    bench.pass(299_000);
    assert.equal(bench.asked(), 2);
    // As seldom as a name that nobody answers for, and as often as the TTL says.
    bench.sim.zone.fail(NAME, "server-failure", "AAAA");
    bench.pass(130_000);
    assert.ok(bench.asked() >= 9 && bench.asked() <= 12, `${bench.asked()}`);
  });

  it("takes the least TTL of both kinds", () => {
    const bench = watched(({ sim }) => {
      sim.zone.addresses(NAME, ["10.0.0.1"], 60);
      sim.zone.addresses(NAME, ["fd00::1"], 5);
    });
    bench.pass(6_000);
    assert.equal(bench.asked(), 2);
  });

  it("is quiet once it is stopped", () => {
    const bench = watched(({ sim }) => {
      sim.zone.addresses(NAME, ["10.0.0.1"], 1);
      sim.zone.delayMs = 500;
    });
    bench.known.stop();
    bench.pass(10_000);
    assert.deepEqual([bench.changes(), bench.asked(), bench.sim.zone.pending], [0, 1, 0]);
  });
});
