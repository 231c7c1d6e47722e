import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { TRIAL_MS_MAX } from "../../../core/limits.ts";
import type { Outcome } from "../../../core/upstream/outcome.ts";
import { Watched } from "./watched.ts";

/** Every arrow of the chart, and what must not lead anywhere. */

let server: Watched;
beforeEach(() => {
  server = new Watched();
});

const report = (outcome: Outcome, times = 1): void => {
  for (let i = 0; i < times; i++) server.health.report(outcome);
};
const check = (isPassed: boolean, isUp = isPassed): void =>
  server.health.onChecked({ isPassed, isUp, reason: `a check ${isPassed ? "passed" : "failed"}` });
const ejected = (times = 1): void => {
  report("broken", 5);
  for (let i = 1; i < times; i++) {
    server.advance(10_000 * i + 200);
    tried("broken");
  }
};
const tried = (outcome: Outcome): void => {
  server.health.onPick();
  report(outcome);
};
const state = () => server.health.state;
const SAID = { admin: null, isUp: null, weight: null, weightShare: null, connectionsMax: null, why: "" };

describe("a server nobody knows anything about", () => {
  it("is up, and has not just come back", () => {
    assert.equal(state(), "up");
    assert.ok(server.health.isHealthy && server.health.isReady);
    assert.equal(server.health.readySinceMs, Number.NEGATIVE_INFINITY);
    assert.equal(server.health.sinceMs, 1_000_000);
  });

  it("may be asked after a reload has removed it, whatever its state was", () => {
    ejected();
    server.advance(10_200);
    assert.equal(state(), "probing");
    server.health.detach();
    tried("broken");
    tried("success");
    assert.equal(state(), "probing", "nobody is told anything any more");
  });
});

describe("failures in a row", () => {
  for (const outcome of ["refused", "connect-failed", "timeout", "broken", "bad-response", "gateway-error"] as const) {
    it(`${outcome}: four do nothing, the fifth puts it out`, () => {
      report(outcome, 4);
      assert.deepEqual([state(), server.health.streak], ["up", 4]);
      report(outcome);
      assert.equal(state(), "ejected");
      assert.match(server.told[0] ?? "", /^up -> ejected: 5 failures in a row, the last: .+; out for 10 s$/);
      report(outcome);
      assert.equal(server.told.length, 1, "what was under way says nothing new");
    });
  }

  for (const [outcome, streak] of [
    ["success", 0],
    ["server-error", 4],
    ["abandoned", 4],
  ] as const) {
    it(`${outcome} in between: ${streak} in a row are left`, () => {
      report("broken", 4);
      report(outcome);
      assert.equal(server.health.streak, streak);
      report("server-error", 10);
      assert.equal(state(), "up", "500 alone never counts");
    });
  }

  it("don't put it out where too many are, but the next one does when there is room again", () => {
    server.mayBeEjected = false;
    report("broken", 7);
    assert.equal(state(), "up");
    server.mayBeEjected = true;
    report("broken");
    assert.equal(state(), "ejected");
  });

  it("never put it out where ejection is off", () => {
    server = new Watched(null);
    report("refused", 100);
    assert.equal(state(), "up");
  });
});

describe("an ejection", () => {
  it("lasts n times as long the n-th time, up to the limit", () => {
    server = new Watched({ maxMs: 25_000 });
    ejected();
    for (const lastsMs of [10_000, 20_000, 25_000, 25_000]) {
      server.advance(lastsMs - 100);
      assert.equal(state(), "ejected", `${lastsMs}`);
      server.advance(300);
      assert.equal(state(), "probing", `${lastsMs}`);
      tried("timeout");
      assert.equal(state(), "ejected");
    }
  });

  it("is forgotten step by step while all goes well, not while it is out or fails", () => {
    ejected(3);
    assert.equal(server.health.ejections, 3);
    server.health.endInterval();
    assert.equal(server.health.ejections, 3, "out");
    server.advance(30_200);
    server.health.endInterval();
    assert.equal(server.health.ejections, 3, "on trial");
    tried("success");
    report("broken");
    server.health.endInterval();
    assert.equal(server.health.ejections, 3, "failing");
    report("success");
    for (const left of [2, 1, 0, 0]) {
      server.health.endInterval();
      assert.equal(server.health.ejections, left);
    }
  });

  it("of an outlier, which has no failures in a row, is not forgotten while it lasts either", () => {
    server.health.eject("an outlier");
    server.health.endInterval();
    assert.equal(server.health.ejections, 1);
  });

  it("ends with one request that shows how it is: it succeeds", () => {
    ejected();
    assert.ok(!server.health.awaitsTrial);
    server.advance(10_200);
    assert.ok(server.health.awaitsTrial && !server.health.isHealthy);
    server.health.onPick();
    assert.ok(!server.health.awaitsTrial, "one only");
    report("success");
    assert.equal(state(), "up");
    assert.ok(server.health.readySinceMs >= 10_000, "for slow start");
    assert.deepEqual(
      server.told.map((line) => line.split(":")[0]),
      ["up -> ejected", "ejected -> probing", "probing -> up"],
    );
  });

  it("does not end with a request that began before it", () => {
    ejected();
    server.advance(10_200);
    const before = server.health.trial;
    server.health.onPick();
    for (const outcome of ["success", "broken", "abandoned", "server-error"] as const) {
      server.health.report(outcome, before);
      assert.deepEqual([state(), server.health.awaitsTrial], ["probing", false], outcome);
    }
    server.health.report("success", server.health.trial);
    assert.equal(state(), "up");
  });

  it("is not followed by another for requests that began before it and fail late", () => {
    const before = server.health.trial;
    ejected();
    server.advance(10_200);
    tried("success");
    for (let i = 0; i < 50; i++) server.health.report("broken", before);
    assert.deepEqual([state(), server.health.streak, server.health.failures], ["up", 0, 5], "five before the trial");
    report("broken", 5);
    assert.equal(state(), "ejected");
  });

  it("… or it is answered at least: a 500 is no reason", () => {
    ejected();
    server.advance(10_200);
    tried("server-error");
    assert.equal(state(), "up");
  });

  it("… or it is given up, and another one may try", () => {
    ejected();
    server.advance(10_200);
    tried("abandoned");
    assert.equal(state(), "probing");
    assert.ok(server.health.awaitsTrial);
  });

  it("… or nobody hears of it, and after a while another one may try", () => {
    ejected();
    server.advance(10_200);
    server.health.onPick();
    server.advance(TRIAL_MS_MAX - 100);
    assert.ok(!server.health.awaitsTrial);
    server.advance(300);
    assert.ok(server.health.awaitsTrial);
  });

  it("is not ended by what was under way before", () => {
    ejected();
    report("success", 3);
    assert.equal(state(), "ejected");
    server.advance(10_200);
    report("success", 3);
    report("broken", 6);
    assert.equal(state(), "probing");
  });

  it("is ended by the group, and when it is turned off", () => {
    ejected();
    server.health.restore("because");
    assert.match(server.told[1] ?? "", /ejected -> up: because/);
    ejected();
    server.ejection = null;
    server.health.attach(server);
    assert.equal(state(), "up");
  });

  it("whose time is over goes on while connections are refused", () => {
    report("refused", 5);
    server.advance(60_000);
    assert.equal(state(), "ejected");
    server.health.onAccepted();
    assert.equal(state(), "probing");
    assert.ok(server.health.awaitsTrial);
  });
});

describe("refusing", () => {
  it("is known from one refused connection to the next that is not", () => {
    for (const outcome of ["success", "server-error", "gateway-error", "timeout", "broken", "bad-response"] as const) {
      report("refused");
      assert.ok(server.health.isRefusing);
      report(outcome);
      assert.ok(!server.health.isRefusing, outcome);
      server.health.streak = 0;
    }
    assert.equal(server.refusingChanges, 12);
    for (const outcome of ["abandoned", "connect-failed"] as const) {
      report("refused");
      report(outcome);
      assert.ok(server.health.isRefusing, outcome);
    }
  });

  it("makes who should be out unhealthy, though too many are out", () => {
    server.mayBeEjected = false;
    report("refused", 4);
    assert.ok(server.health.isHealthy);
    const before = server.healthChanges;
    report("refused");
    assert.ok(!server.health.isHealthy);
    assert.ok(server.healthChanges > before);
    server.health.onAccepted();
    assert.ok(server.health.isHealthy);
  });
});

describe("checks", () => {
  it("take it down and bring it up", () => {
    check(false, true);
    assert.equal(state(), "up", "not yet");
    check(false);
    assert.equal(state(), "down");
    check(true, false);
    assert.equal(state(), "down", "not yet");
    check(true);
    assert.equal(state(), "up");
    assert.deepEqual(server.told, ["up -> down: a check failed", "down -> up: a check passed"]);
  });

  it("say nothing to the group while nothing changes", () => {
    check(true);
    assert.equal(server.healthChanges, 0);
  });

  it("that pass let one request through before the time is over", () => {
    ejected();
    check(true);
    assert.equal(state(), "probing");
    tried("success");
    assert.equal(state(), "up");
  });

  it("that lie do so once: out again, it serves its time", () => {
    ejected();
    check(true);
    tried("gateway-error");
    assert.deepEqual([state(), server.health.ejections], ["ejected", 2]);
    check(true);
    check(true);
    assert.equal(state(), "ejected");
    server.advance(20_200);
    assert.equal(state(), "probing");
  });

  it("let nobody in early who comes and goes, until that is forgotten", () => {
    ejected();
    check(true);
    tried("success");
    report("broken", 5);
    check(true);
    assert.deepEqual([state(), server.health.ejections], ["ejected", 2]);
    server.advance(20_200);
    tried("success");
    for (let intervals = 0; intervals < 2; intervals++) server.health.endInterval();
    ejected();
    check(true);
    assert.equal(state(), "probing");
  });

  it("that fail while it is out, or on trial, take it down; the ejection stays below", () => {
    ejected();
    check(false);
    assert.equal(state(), "down");
    server.advance(10_200);
    assert.equal(state(), "down");
    check(true);
    assert.equal(state(), "probing");
    check(false);
    assert.equal(state(), "down");
  });

  it("that are no longer made leave it up", () => {
    check(false);
    server.health.forgetChecks();
    assert.equal(state(), "up");
  });

  it("put nobody out who is down already", () => {
    check(false);
    report("broken", 50);
    check(true);
    assert.equal(state(), "up");
    assert.equal(server.health.streak, 0);
  });
});

describe("an operator", () => {
  it("is above all else", () => {
    ejected();
    server.health.setOperatorState("drain", "so");
    assert.deepEqual([state(), server.health.isReady], ["drain", false]);
    check(false);
    assert.equal(state(), "drain");
    server.health.setOperatorState("maintenance", "so");
    assert.deepEqual([state(), server.health.isInMaintenance], ["maintenance", true]);
    server.health.setOperatorState("ready", "so");
    assert.equal(state(), "up", "after maintenance nothing of before holds");
  });

  it("drains: what was known is still known afterwards", () => {
    ejected();
    server.health.setOperatorState("drain", "so");
    server.health.setOperatorState("ready", "so");
    assert.equal(state(), "ejected");
    server.health.setOperatorState("drain", "so");
    server.advance(10_200);
    server.health.setOperatorState("ready", "so");
    assert.equal(state(), "probing");
  });

  it("brings it back as one that has to warm up", () => {
    server.advance(1_000);
    server.health.setOperatorState("drain", "so");
    server.health.setOperatorState("ready", "so");
    assert.equal(server.health.readySinceMs, server.timers.nowMs);
  });
});

describe("an agent", () => {
  it("drains, takes down and brings back", () => {
    for (const [said, expected] of [
      [{ admin: "drain" }, "drain"],
      [{ isUp: false }, "drain"],
      [{ admin: "ready" }, "down"],
      [{ isUp: true, why: "deployed" }, "up"],
      [{ weightShare: 0 }, "drain"],
      [{ weight: 0 }, "drain"],
      [{ weightShare: 0.5 }, "up"],
      [{ admin: "maintenance" }, "maintenance"],
      [{ admin: "ready" }, "up"],
    ] as const) {
      server.health.onAgent({ ...SAID, ...said });
      assert.equal(state(), expected, JSON.stringify(said));
    }
    assert.ok(server.told.includes("down -> up: its agent says so: deployed"));
  });

  it("does not overrule the operator, nor checks", () => {
    server.health.setOperatorState("drain", "so");
    server.health.onAgent({ ...SAID, admin: "ready", isUp: true });
    assert.equal(state(), "drain");
    server.health.setOperatorState("ready", "so");
    check(false);
    server.health.onAgent({ ...SAID, isUp: true });
    assert.equal(state(), "down");
  });

  it("that is no longer asked has said nothing", () => {
    server.health.onAgent({ ...SAID, admin: "drain", isUp: false, weight: 0 });
    server.health.forgetAgent();
    assert.equal(state(), "up");
  });
});

describe("a server that is in no list any more", () => {
  it("has no timers, and what is still reported does no harm", () => {
    ejected();
    server.health.detach();
    server.advance(60_000);
    assert.equal(state(), "ejected");
    for (const outcome of ["success", "broken", "refused", "server-error", "abandoned"] as const) report(outcome, 10);
    check(false);
    assert.equal(server.told.length, 1);
  });
});
