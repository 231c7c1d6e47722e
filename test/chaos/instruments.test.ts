// The fault-injecting origin and the load client against each other, without a proxy: each kind of failure is done,
// and seen for what it is. What they find of a proxy can only be trusted as far as this.

import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { seeded } from "../../testing/seeded.ts";
import { connects } from "../e2e/backend.ts";
import { until } from "../e2e/wait.ts";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { FaultOrigin } from "./fault-origin.ts";
import { Ledger } from "./ledger.ts";
import { type Ask, LoadClient } from "./load-client.ts";
import type { LoadReport } from "./load-report.ts";
import { parsePlan } from "./plan.ts";

// The instruments run on Node whatever is tested with them: another runtime's sockets would be tested instead.
const ignore = !runtimeUnderTest().startsWith("node");

describe("the instruments of chaos", { ignore }, () => {
  let ledger: Ledger;
  let origin: FaultOrigin;

  beforeAll(async () => {
    ledger = new Ledger();
    origin = await FaultOrigin.start("127.1.254.1", ledger);
  });
  afterAll(async () => {
    await origin?.stop();
  });

  let asked = 0;
  const load = (asks: readonly Partial<Ask>[], patienceMs = 5_000, requestsPerSecond = 1_000): Promise<LoadReport> => {
    const client = new LoadClient({
      target: origin,
      requestsPerSecond,
      requests: asks.length,
      clientAddresses: ["127.0.0.1", "127.0.0.9"],
      connectionsMax: 1,
      patienceMs,
      make: (number) => ({
        nonce: `n-${asked++}`,
        method: "GET",
        path: "/",
        bodyBytes: 0,
        answerBytes: 5_000,
        ...asks[number],
      }),
    });
    return client.run();
  };
  const verdictsOf = ({ finished }: LoadReport) => finished.map(({ verdict }) => verdict);

  it("agree on 300 requests of all kinds on one connection", async () => {
    const random = seeded(1);
    const before = origin.connectionsAccepted;
    const asks = Array.from({ length: 300 }, () => ({
      method: random.pick(["GET", "POST", "PUT", "DELETE", "HEAD"]),
      bodyBytes: random.pick([0, 1, 20_000]),
      answerBytes: random.pick([0, 1, 5_000, 70_000]),
    }));
    const report = await load(asks);
    assert.equal(report.ok, 300, report.summary());
    assert.equal(origin.connectionsAccepted - before, 1);
    assert.ok(report.percentileMs(0.5) <= report.percentileMs(0.99));
  });

  for (const [plan, verdict] of [
    ["rst-after-head", "reset-after-request"],
    ["head-then-hang", "late"],
    ["hang-after-head", "late"],
    ["body-0-then-rst", "truncated"],
    ["body-100-then-rst", "truncated"],
    ["body-100-then-fin", "truncated"],
    ["body-99999-then-fin", "truncated"],
    ["early-reply", "ok"],
    ["late-30", "ok"],
    ["slow-100000", "ok"],
    ["double-reply", "garbled"],
  ] as const) {
    for (const method of ["GET", "POST"]) {
      it(`${plan} of a ${method} is ${verdict}`, async () => {
        const patienceMs = verdict === "late" ? 100 : 5_000;
        const report = await load([{ method, plan, bodyBytes: method === "POST" ? 1_000 : 0 }], patienceMs);
        // The second reply is seen as part of the first or as nobody's, as the reads fall.
        if (plan === "double-reply" && report.unasked === 1) assert.deepEqual(verdictsOf(report), ["ok"]);
        else assert.deepEqual(verdictsOf(report), [verdict]);
      });
    }
  }

  it("tell a wrong status, and count what arrives twice", async () => {
    const report = await load([{ method: "POST", nonce: "twice" }, { nonce: "again" }, { plan: "status-503" }]);
    assert.deepEqual(verdictsOf(report), ["ok", "ok", "wrong-status"]);
    assert.equal(report.summary(), "status 503 x 1");
    assert.deepEqual(ledger.duplicates(), []);
    await load([{ method: "POST", nonce: "twice" }, { nonce: "again" }]);
    assert.deepEqual(ledger.duplicates(), [`POST twice at ${origin.address}, ${origin.address}`]);
    assert.equal(ledger.triesOf("again"), 2);
  });

  it("end a resting connection when told; the client sends again what it may", async () => {
    const idle = await load([{ plan: "close-idle-5" }, {}], 5_000, 10);
    assert.deepEqual([idle.ok, idle.retriedByClient], [2, 0]);
    const get = await load([{ plan: "close-when-readable" }, {}]);
    assert.deepEqual([get.ok, get.retriedByClient], [2, 1]);
    const post = await load([{ plan: "close-when-readable" }, { method: "POST" }]);
    assert.deepEqual(verdictsOf(post), ["ok", "reset-after-request"]);
  });

  it("refuse, and listen on the same port again", async () => {
    await origin.kill();
    assert.deepEqual(verdictsOf(await load([{}])), ["refused"]);
    await origin.revive();
    assert.deepEqual(verdictsOf(await load([{}])), ["ok"]);
  });

  it("accept and reset at once", async () => {
    await origin.follow("rst-on-accept");
    const [verdict] = verdictsOf(await load([{}]));
    // As the reset falls before, between or behind the steps of the client.
    assert.match(verdict ?? "", /^(?:refused|reset-before-bytes|reset-after-request)$/);
    await origin.revive();
  });

  it("let a handshake hang", async () => {
    await origin.follow("hang-accept");
    assert.deepEqual(verdictsOf(await load([{}], 100)), ["late"]);
    await origin.revive();
    assert.deepEqual(verdictsOf(await load([{}])), ["ok"]);
  });

  it("go up and down in turns", async () => {
    await origin.follow("flap-30");
    for (const isUp of [false, true, false]) {
      await until(async () => (await reaches(origin)) === isUp, `the origin to be ${isUp ? "up" : "down"}`);
    }
    await origin.revive();
    assert.ok(await reaches(origin));
  });

  it("lie about health", async () => {
    await origin.follow("lie-health");
    assert.deepEqual(verdictsOf(await load([{ path: "/healthz" }, {}])), ["ok", "reset-after-request"]);
    assert.equal(origin.healthChecks, 1);
    await origin.follow("slander-health");
    assert.deepEqual(verdictsOf(await load([{ path: "/healthz" }, {}])), ["wrong-status", "ok"]);
    await origin.revive();
  });

  it("know their plans", () => {
    assert.deepEqual(parsePlan("body-7-then-fin"), { kind: "body-then-fin", bytes: 7 });
    assert.throws(() => parsePlan("body-x-then-fin"), /no such plan: body-x-then-fin/);
  });
});

function reaches({ host, port }: FaultOrigin): Promise<boolean> {
  return connects(port, host);
}
