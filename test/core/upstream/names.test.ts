import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  FAILING_QUESTIONS_AT_ONCE_MAX,
  QUESTION_HUNG_MS,
  QUESTIONS_AT_ONCE_MAX,
  QUESTIONS_HUNG_MAX,
  REPEATED_QUESTIONS_AT_ONCE_MAX,
  TICK_MS,
} from "../../../core/limits.ts";
import { namesBench } from "./discovery-parts.ts";

const nothing = (): void => {};

describe("names", () => {
  it("asks nothing before it is started, then each name once, whoever watches", () => {
    const { names, sim } = namesBench();
    const first = names.watch("addresses", "app.internal", nothing);
    const second = names.watch("addresses", "app.internal", () => {});
    names.watch("services", "_http._tcp.app.internal", nothing);
    sim.drive();
    assert.equal(first, second);
    assert.deepEqual(sim.zone.questions, []);
    names.start();
    names.start();
    sim.drive();
    assert.deepEqual(sim.zone.questions, ["A app.internal", "AAAA app.internal", "SRV _http._tcp.app.internal"]);
  });

  it("forgets a name when the last one who watched it has gone", () => {
    const { names, sim, pass } = namesBench();
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    names.start();
    const other = (): void => {};
    const known = names.watch("addresses", "app.internal", nothing);
    names.watch("addresses", "app.internal", other);
    pass(100);
    names.unwatch(known, nothing);
    assert.equal(names.count, 1);
    names.unwatch(known, other);
    assert.equal(names.count, 0);
    const before = sim.zone.questions.length;
    pass(10_000);
    assert.equal(sim.zone.questions.length, before);
    assert.deepEqual(names.watch("addresses", "app.internal", nothing).records, []);
  });

  it(`asks ${QUESTIONS_AT_ONCE_MAX} questions at once`, () => {
    for (const count of [QUESTIONS_AT_ONCE_MAX - 1, QUESTIONS_AT_ONCE_MAX, QUESTIONS_AT_ONCE_MAX + 1]) {
      const { names, sim, pass } = namesBench();
      sim.zone.delayMs = 100;
      names.start();
      for (let i = 0; i < count; i++) names.watch("services", `_s${i}._tcp.internal`, nothing);
      assert.equal(sim.zone.pending, Math.min(count, QUESTIONS_AT_ONCE_MAX));
      pass(250);
      assert.equal(sim.zone.questions.length, count);
    }
  });

  it("asks new names at once, however many that were asked before hang", () => {
    const { names, sim, pass } = namesBench({ timeoutMs: 2_000 });
    sim.zone.addresses("new.internal", ["10.0.0.1"]);
    names.start();
    for (let i = 0; i < QUESTIONS_AT_ONCE_MAX; i++) {
      sim.zone.fail(`dead${i}.internal`, "timeout");
      names.watch("addresses", `dead${i}.internal`, nothing);
    }
    // Two rounds of first questions fill all places, one after the other; behind them the same names are asked again.
    pass(4_950);
    assert.equal(sim.zone.pending, FAILING_QUESTIONS_AT_ONCE_MAX);
    const known = names.watch("addresses", "new.internal", nothing);
    pass(100);
    assert.deepEqual(
      known.records.map(({ host }) => host),
      ["10.0.0.1"],
    );
  });

  it("asks known names again, however many new ones hang", () => {
    const { names, sim, pass } = namesBench({ timeoutMs: 2_000, ttlMsMin: 1_000 });
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    names.start();
    const known = names.watch("addresses", "app.internal", nothing);
    pass(100);
    sim.zone.addresses("app.internal", ["10.0.0.2"], 1);
    for (let i = 0; i < 4 * QUESTIONS_AT_ONCE_MAX; i++) {
      sim.zone.fail(`dead${i}.internal`, "timeout");
      names.watch("addresses", `dead${i}.internal`, nothing);
    }
    assert.equal(sim.zone.pending, QUESTIONS_AT_ONCE_MAX);
    pass(2_100);
    assert.equal(sim.zone.pending, QUESTIONS_AT_ONCE_MAX + QUESTIONS_HUNG_MAX);
    assert.deepEqual(
      known.records.map(({ host }) => host),
      ["10.0.0.2"],
    );
  });

  for (const count of [QUESTIONS_AT_ONCE_MAX / 2, QUESTIONS_HUNG_MAX / 2]) {
    it(`asks new names soon, when nobody answers for ${count} others`, () => {
      const { names, sim, pass } = namesBench({ timeoutMs: 2_000 });
      sim.zone.addresses("new.internal", ["10.0.0.1"]);
      names.start();
      for (let i = 0; i < count; i++) {
        sim.zone.fail(`dead${i}.internal`, "timeout");
        names.watch("addresses", `dead${i}.internal`, nothing);
      }
      const known = names.watch("addresses", "new.internal", nothing);
      // They come before it, as many at once as there are places.
      pass(Math.ceil((2 * count) / QUESTIONS_AT_ONCE_MAX) * (QUESTION_HUNG_MS + 2 * TICK_MS));
      assert.equal(known.records.length, 1);
    });
  }

  it("has so many questions at once that nobody answers", () => {
    const { names, sim, pass } = namesBench({ timeoutMs: 2_000 });
    const most = QUESTIONS_AT_ONCE_MAX + QUESTIONS_HUNG_MAX;
    names.start();
    for (let i = 0; i <= most; i++) {
      sim.zone.fail(`_s${i}._tcp.internal`, "timeout");
      names.watch("services", `_s${i}._tcp.internal`, nothing);
    }
    pass(1_900);
    assert.equal(sim.zone.questions.length, most);
    pass(200);
    assert.equal(sim.zone.questions.length, most + 1);
  });

  it(`asks ${REPEATED_QUESTIONS_AT_ONCE_MAX} questions about known names at once`, () => {
    const { names, sim, pass } = namesBench({ timeoutMs: 2_000, ttlMsMin: 1_000 });
    const hosts = Array.from({ length: QUESTIONS_AT_ONCE_MAX }, (_, i) => `app${i}.internal`);
    for (const host of hosts) sim.zone.addresses(host, ["10.0.0.1"], 1);
    names.start();
    for (const host of hosts) names.watch("addresses", host, nothing);
    pass(500);
    for (const host of hosts) sim.zone.fail(host, "timeout");
    pass(1_400);
    assert.equal(sim.zone.pending, REPEATED_QUESTIONS_AT_ONCE_MAX);
  });

  it("asks known names again in time, however many others nobody answers for", () => {
    const { names, sim, pass } = namesBench({ timeoutMs: 2_000, ttlMsMin: 1_000 });
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    names.start();
    const known = names.watch("addresses", "app.internal", nothing);
    for (let i = 0; i < 500; i++) {
      sim.zone.fail(`dead${i}.internal`, "timeout");
      names.watch("addresses", `dead${i}.internal`, nothing);
    }
    pass(120_000);
    for (let i = 2; i < 20; i++) {
      sim.zone.addresses("app.internal", [`10.0.0.${i}`], 1);
      pass(1_500);
      assert.deepEqual(
        known.records.map(({ host }) => host),
        [`10.0.0.${i}`],
      );
    }
  });

  it("does not ask what was taken back while it waited", () => {
    const { names, sim, pass } = namesBench();
    sim.zone.delayMs = 100;
    names.start();
    for (let i = 0; i < QUESTIONS_AT_ONCE_MAX; i++) names.watch("services", `_s${i}._tcp.internal`, nothing);
    const late = names.watch("services", "_late._tcp.internal", nothing);
    names.unwatch(late, nothing);
    pass(500);
    assert.ok(!sim.zone.questions.includes("SRV _late._tcp.internal"));
  });

  it("asks by the rules of the moment", () => {
    const { names, sim, pass } = namesBench({ ttlMsMin: 5_000 });
    sim.zone.addresses("app.internal", ["10.0.0.1"], 0);
    names.start();
    names.watch("addresses", "app.internal", nothing);
    pass(4_500);
    assert.equal(sim.zone.questions.length, 2);
    names.rules = { ...names.rules, ttlMsMin: 1_000 };
    pass(5_000);
    assert.ok(sim.zone.questions.length >= 8, `${sim.zone.questions.length}`);
  });
});
