import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { CheckResult } from "../../../core/health/check-run.ts";
import { Checks, REFUSAL_CHECK } from "../../../core/health/checks.ts";
import type { CheckDefinition } from "../../../core/health/definition.ts";
import { CHECKS_MAX, DEFAULT_LIMITS } from "../../../core/limits.ts";
import { addressOf } from "../../../testing/wire.ts";
import { type CheckWorld, checkWorld, SERVER, socketsLeft } from "./check-world.ts";

let world: CheckWorld;
let checks: Checks;
/** When connections came, and how many are open. */
let arrivals: number[];

beforeEach(() => {
  world = checkWorld();
  checks = new Checks(world);
  arrivals = [];
});

const TCP: CheckDefinition = {
  kind: "tcp",
  intervalMs: 5_000,
  fastIntervalMs: 1_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
  jitter: 0,
  port: null,
  http: null,
};
const HTTP: CheckDefinition = {
  ...TCP,
  kind: "http",
  http: {
    method: "GET",
    target: "/",
    host: null,
    fields: [],
    statuses: [[200, 200]],
    body: null,
  },
};

const serve = (address = SERVER) => world.sim.serve(address, () => arrivals.push(world.sim.runtime.now()));
const ignore = (): void => {};
/** Between arrivals, without the two ticks that a timer may be late. */
const gaps = (times = arrivals): number[] =>
  times.slice(1).map((at, i) => Math.floor((at - (times[i] as number)) / 250) * 250);

describe("the rhythm of checks", () => {
  it("is fast until it is sure, then slow; fast again when something changes", () => {
    const server = serve();
    const seen: string[] = [];
    checks.follow(addressOf(SERVER), TCP, ({ result, isUp }) => {
      seen.push(`${result.verdict}, ${isUp ? "up" : "down"}`);
    });
    world.sim.advance(12_000);
    assert.deepEqual(gaps(), [5_000, 5_000], "sure after the first pass");
    server.close();
    world.sim.advance(9_000);
    assert.deepEqual(seen, [...Array(3).fill("passed, up"), "failed, up", "failed, up", "failed, down"]);
    arrivals.length = 0;
    serve();
    world.sim.advance(7_000);
    assert.deepEqual(seen.slice(6), ["passed, down", "passed, up"]);
    assert.deepEqual(gaps(), [1_000]);
  });

  it("Q10 spreads the first checks of many servers, and all others by the jitter", () => {
    for (let i = 0; i < 40; i++) {
      const address = `127.0.0.1:${9100 + i}`;
      serve(address);
      checks.follow(addressOf(address), { ...TCP, jitter: 0.1 }, ignore);
    }
    world.sim.advance(1_200);
    assert.equal(arrivals.length, 40);
    assert.ok(new Set(arrivals.map((at) => Math.floor(at / 100))).size >= 6, "over most of a second");
    world.sim.advance(4_000);
    const first = arrivals.slice(0, 40);
    world.sim.advance(2_000);
    assert.equal(arrivals.length, 80);
    const between = arrivals.slice(40).map((at) => at - Math.min(...first));
    assert.ok(Math.min(...between) >= 4_500 && Math.max(...between) <= 6_700);
  });

  it("counts from the start of a check, so that slow answers don't stretch it", () => {
    world.sim.hang(SERVER);
    const ended: number[] = [];
    checks.follow(addressOf(SERVER), TCP, () => ended.push(world.sim.runtime.now()));
    world.sim.advance(20_000);
    assert.deepEqual(gaps(ended), [5_000, 5_000, 5_000]);
  });
});

describe("followers", () => {
  it("of the same server by the same settings share one check; others have their own", () => {
    serve();
    const address = addressOf(SERVER);
    const counted = [0, 0];
    const first = checks.follow(address, HTTP, () => void counted[0]!++);
    const second = checks.follow(addressOf(SERVER), structuredClone(HTTP), () => void (counted[1] = 1));
    assert.equal(checks.count, 1);
    const others = [
      checks.follow(address, { ...HTTP, port: 9002 }, ignore),
      checks.follow(address, { ...HTTP, rise: 3 }, ignore),
      checks.follow(addressOf("127.0.0.2:9001"), HTTP, ignore),
      checks.followAgent(address, { port: 9001, intervalMs: 5_000, timeoutMs: 2_000 }, ignore),
    ];
    assert.equal(checks.count, 5);
    for (const each of [first, ...others]) each.stop();
    assert.equal(checks.count, 1, "somebody still follows");
    second.stop();
    second.stop();
    assert.equal(checks.count, 0);
    world.sim.advance(20_000);
    assert.deepEqual(counted, [0, 0]);
    assert.deepEqual(socketsLeft(world), []);
  });

  it("that come later find what is known already", () => {
    serve();
    const first = checks.follow(addressOf(SERVER), TCP, ignore);
    assert.equal(first.latest, null);
    world.sim.advance(1_500);
    const second = checks.follow(addressOf(SERVER), TCP, ignore);
    assert.ok(first.latest !== null && second.latest === first.latest);
    first.stop();
    assert.equal(checks.count, 1, "the check goes on through a change of hands");
  });

  it("may leave from inside a result", () => {
    serve();
    let seen = 0;
    const following = checks.follow(addressOf(SERVER), TCP, () => {
      seen++;
      following.stop();
    });
    world.sim.advance(20_000);
    assert.deepEqual([seen, checks.count, checks.running], [1, 0, 0]);
  });

  it("that leave in the middle of a check end it", () => {
    serve();
    const following = checks.follow(addressOf(SERVER), HTTP, () => assert.fail("left"));
    world.sim.advance(1_200);
    assert.equal(checks.running, 1);
    following.stop();
    world.sim.advance(5_000);
    assert.equal(checks.running, 0);
    assert.deepEqual(socketsLeft(world), []);
  });

  it("are told when it was ours to fail, and nothing is counted", () => {
    const results: [CheckResult["verdict"], boolean][] = [];
    world.sim.failConnect(SERVER, "EMFILE");
    checks.follow(addressOf(SERVER), { ...TCP, fall: 1 }, ({ result, isUp }) => {
      results.push([result.verdict, isUp]);
    });
    world.sim.advance(1_200);
    assert.deepEqual(results, [["unknown", true]]);
  });
});

describe("checks at once", () => {
  for (const [count, expected] of [
    [CHECKS_MAX - 1, CHECKS_MAX - 1],
    [CHECKS_MAX, CHECKS_MAX],
    [CHECKS_MAX + 1, CHECKS_MAX],
    [CHECKS_MAX * 3, CHECKS_MAX],
  ] as const) {
    it(`of ${count} servers are ${expected}; the others have their turn`, () => {
      const seen = new Set<number>();
      for (let i = 0; i < count; i++) {
        const address = `127.0.0.1:${10_000 + i}`;
        world.sim.hang(address);
        checks.follow(addressOf(address), { ...TCP, intervalMs: 60_000, fastIntervalMs: 60_000 }, () => seen.add(i));
      }
      world.sim.advance(60_000 + 200);
      let most = 0;
      for (let i = 0; i < 100; i++) {
        world.sim.advance(100);
        most = Math.max(most, checks.running);
      }
      assert.ok(most <= expected);
      assert.equal(seen.size, count);
    });
  }

  it("of servers that are down do not keep others from being checked in time", () => {
    serve();
    checks.follow(addressOf(SERVER), TCP, ignore);
    for (let i = 0; i < 500; i++) {
      world.sim.hang(`127.0.0.1:${10_000 + i}`);
      checks.follow(addressOf(`127.0.0.1:${10_000 + i}`), TCP, ignore);
    }
    world.sim.advance(120_000);
    arrivals = [];
    let most = 0;
    for (let i = 0; i < 600; i++) {
      world.sim.advance(100);
      most = Math.max(most, checks.running);
    }
    assert.deepEqual(gaps(), Array(gaps().length).fill(5_000));
    assert.ok(gaps().length >= 10 && most <= CHECKS_MAX / 2 + 1, `${gaps().length}, ${most}`);
  });

  it("of servers that are down come about beside all others", () => {
    let seen = 0;
    world.sim.hang(SERVER);
    checks.follow(addressOf(SERVER), TCP, () => seen++);
    const others = Array.from({ length: 500 }, (_, i) => `127.0.0.1:${10_000 + i}`);
    for (const other of others) {
      serve(other);
      checks.follow(addressOf(other), { ...TCP, fall: 1_000 }, ignore);
    }
    world.sim.advance(20_000);
    // Their checks take long now, but they are not down yet.
    for (const other of others) world.sim.hang(other);
    world.sim.advance(20_000);
    seen = 0;
    world.sim.advance(60_000);
    assert.ok(seen >= 8, `${seen}`);
  });

  it("that wait are forgotten with their followers", () => {
    const all = Array.from({ length: CHECKS_MAX + 10 }, (_, i) => {
      world.sim.hang(`127.0.0.1:${10_000 + i}`);
      return checks.follow(addressOf(`127.0.0.1:${10_000 + i}`), { ...TCP, timeoutMs: 4_000 }, ignore);
    });
    world.sim.advance(1_200);
    assert.equal(checks.running, CHECKS_MAX);
    for (const each of all) each.stop();
    assert.equal(checks.count, 0);
    world.sim.drive();
    assert.equal(checks.running, 0);
    world.sim.advance(10_000);
    assert.deepEqual(socketsLeft(world), []);
  });
});

describe("ports", () => {
  it("of checks and agents are their own, where there are ports", () => {
    serve("127.0.0.1:8081");
    serve("unix:/run/app");
    checks.follow(addressOf(SERVER), { ...TCP, port: 8081 }, ignore);
    checks.follow({ kind: "unix", path: "/run/app" }, { ...HTTP, port: 8081 }, ignore);
    world.sim.advance(1_200);
    assert.equal(arrivals.length, 2);
  });

  it("that refused are asked once a second", () => {
    const results: string[] = [];
    checks.follow(addressOf(SERVER), REFUSAL_CHECK, ({ result }) => void results.push(result.port));
    world.sim.advance(10_000);
    assert.ok(results.length >= 8 && results.length <= 11, `${results.length}`);
  });
});

describe("the heads that checks take", () => {
  it("are as large as traffic's, from the next check on", () => {
    const results: string[] = [];
    const head = `HTTP/1.1 200 OK\r\nX-Padding: ${"x".repeat(4_000)}\r\n\r\n`;
    const server = world.sim.serve(SERVER, (peer) => {
      peer.onReceive = () => peer.send(head);
    });
    const following = checks.follow(addressOf(SERVER), HTTP, ({ result }) => results.push(result.verdict));
    for (const responseHeadBytesMax of [8_192, 2_048, 4_096]) {
      checks.goBy({ ...DEFAULT_LIMITS, responseHeadBytesMax });
      const before = results.length;
      while (results.length === before) world.sim.advance(100);
    }
    assert.deepEqual(results, ["passed", "failed", "passed"]);
    following.stop();
    server.close();
  });

  it("have as many fields, with as long names", () => {
    const limits = {
      ...DEFAULT_LIMITS,
      responseHeadBytesMax: 131_072,
      responseFieldsMax: 500,
      fieldNameBytesMax: 1_024,
    };
    checks.goBy(limits);
    const bounds = { headBytesMax: 131_072, fieldsMax: 500, nameBytesMax: 1_024, targetBytesMax: 0 };
    assert.deepEqual(checks.responseBounds, bounds);
  });
});
