import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { Attempt } from "../../../core/exchange/attempt.ts";
import { Tries } from "../../../core/exchange/tries.ts";
import type { TriesOwner } from "../../../core/exchange/tries-owner.ts";
import type { Fault } from "../../../core/fault.ts";
import * as fault from "../../../core/fault.ts";
import { DEFAULT_TIMEOUTS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Borrower } from "../../../core/upstream/connections.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import type { Group } from "../../../core/upstream/group.ts";
import type { PickRequest } from "../../../core/upstream/pick-request.ts";
import { DEFAULT_RETRIES, type RetryPolicy } from "../../../core/upstream/retry-policy.ts";
import { WaitQueue } from "../../../core/upstream/wait-queue.ts";
import { responseHead } from "../http/heads.ts";

/** The tries of an exchange among servers that only note who asks them. */

let told: string[];
let borrowers: Borrower[];
let timers: Timers;
let policy: Partial<RetryPolicy>;
let hedgeAfterMs: number;
let totalMs: number;
let tokens: number;
/** Labels of servers without a place. */
let full: string;
let hasRoom: boolean;
let mayWait: boolean;
let left: number;
let queue: WaitQueue<Endpoint>;
let endpoints: Endpoint[];
let exchange: TriesOwner;
let tries: Tries;

const endpointOf = (label: string): Endpoint => {
  const connections = {
    hasPlaceFor: () => !full.includes(label),
    makeRoom: () => void told.push(`make room at ${label}`),
    lease(borrower: Borrower, fresh: boolean) {
      borrowers.push(borrower);
      told.push(`${label}${fresh ? " fresh" : ""}`);
    },
    cancel: () => void told.push(`cancel ${label}`),
  };
  return { label, inFlight: 0, connections, health: { trial: 0 } } as unknown as Endpoint;
};

function begin(labels: string, changes: Partial<TriesOwner> = {}): void {
  endpoints = [...labels].map(endpointOf);
  const group = {
    get retries() {
      return { ...DEFAULT_RETRIES, ...policy };
    },
    hedgeAfterMs,
    wantsLatency: false,
    retryBudget: { deposit: () => void told.push("deposit") },
    pick: ({ tried }: PickRequest) => endpoints.find((each) => !tried.includes(each)) ?? endpoints[0] ?? null,
    takeRetry: () => tokens-- > 0,
    breaker: {
      enter: () => hasRoom,
      leave: () => void left++,
      endRetry() {},
    },
    mayConnect: () => hasRoom,
    mayWait: () => mayWait,
    onPlaceTaken: (endpoint: Endpoint) => void told.push(`place at ${endpoint.label}`),
    queue,
    serveWaiting() {
      for (const each of endpoints) queue.serve(each, each.connections, () => true);
    },
    report() {},
    putBack() {},
  } as unknown as Group;
  exchange = {
    engine: { timers, runtime: { random: () => 0.999, now: () => 0 } },
    client: { boundEndpoint: () => null, takeBound: () => null },
    head: { method: 1 },
    plan: { timeouts: { ...DEFAULT_TIMEOUTS, totalMs }, group },
    asksUpgrade: false,
    isRequestEnded: true,
    server: "",
    hasForwarded: false,
    isIdempotent: true,
    isRepeatable: true,
    isReplayable: true,
    get uploadedMs() {
      return changes.isRequestEnded === false ? timers.nowMs : 0;
    },
    get tried() {
      return tries.tried;
    },
    sendRequest() {},
    onResponseHead(attempt: Attempt) {
      told.push(`answer of ${attempt.endpoint.label}`);
      attempt.goOn();
    },
    nowMs: 0,
    hasBegun: false,
    trace: null,
    openTrace: () => null,
    onFailed: (reason: Fault) => void told.push(reason.code),
    ...changes,
  } as unknown as TriesOwner;
  tries = new Tries(exchange, group);
  tries.begin();
}

const wait = (ms: number): void => {
  for (const end = timers.nowMs + ms; timers.nowMs < end; ) timers.advance(timers.nowMs + 50);
};
const connect = (number: number): void => {
  const connection = {
    isReused: false,
    begin() {},
    close: () => void told.push(`close ${number}`),
    defer: () => void told.push(`defer ${number}`),
    goOn: () => void told.push(`go on ${number}`),
  };
  borrowers[number]?.onLease(connection as never);
};
const answer = (number: number, status: number): void =>
  (borrowers[number] as unknown as Attempt).onHead(responseHead(`HTTP/1.1 ${status} x`));
const breakOff = (number: number): void => (borrowers[number] as unknown as Attempt).onFault(fault.UPSTREAM_RESET);

beforeEach(() => {
  told = [];
  borrowers = [];
  timers = new Timers(0);
  policy = {};
  hedgeAfterMs = Number.POSITIVE_INFINITY;
  totalMs = Number.POSITIVE_INFINITY;
  tokens = 100;
  full = "";
  hasRoom = true;
  mayWait = true;
  left = 0;
  queue = new WaitQueue(timers);
});

describe("the tries of an exchange", () => {
  it("are one when all goes well, and nothing is remembered", () => {
    begin("ab");
    connect(0);
    answer(0, 200);
    assert.deepEqual(told, ["deposit", "a", "answer of a"]);
    assert.deepEqual([tries.count, tries.tried.length], [1, 0]);
  });

  it("are none without a server", () => {
    begin("");
    assert.deepEqual(told, ["deposit", "upstream.no-server"]);
  });

  it("go to another server at once when one refuses, and give up when there is none left", () => {
    begin("ab", { isRepeatable: false });
    policy = { attemptsMax: 9 };
    borrowers[0]?.onLeaseFailed(fault.CONNECT_REFUSED);
    borrowers[1]?.onLeaseFailed(fault.CONNECT_REFUSED);
    assert.deepEqual(told, ["deposit", "a", "b", "upstream.connect-refused"]);
  });

  it("pause after a break, no longer than the jitter's bound and a tick", () => {
    begin("ab");
    connect(0);
    breakOff(0);
    assert.equal(tries.current, null);
    assert.deepEqual(told, ["deposit", "a"]);
    wait(25 + 100);
    assert.deepEqual(told, ["deposit", "a", "b"]);
  });

  it("end with the first fault when the budget is spent", () => {
    tokens = 0;
    begin("ab");
    connect(0);
    breakOff(0);
    assert.equal(told.at(-1), "upstream.reset");
  });

  it("hold a 503 until a better answer comes, or none", () => {
    begin("ab");
    connect(0);
    answer(0, 503);
    wait(150);
    connect(1);
    assert.deepEqual(told.splice(0), ["deposit", "a", "defer 0", "b"]);
    answer(1, 404);
    assert.deepEqual(told.splice(0), ["close 0", "answer of b"]);
    begin("ab");
    connect(2);
    answer(2, 503);
    wait(150);
    borrowers[3]?.onLeaseFailed(fault.CONNECT_REFUSED);
    assert.deepEqual(told.slice(-2), ["answer of a", "go on 2"]);
  });

  it("end when the time for all is up, in a pause too", () => {
    totalMs = 1_000;
    begin("ab");
    connect(0);
    wait(1_150);
    assert.equal(told.at(-1), "upstream.total-timeout");
    tries.abandon(fault.TOTAL_TIMEOUT);
    assert.equal(told.at(-1), "close 0");
  });

  it("leave nothing behind when they are abandoned in a pause", () => {
    totalMs = 1_000;
    begin("ab");
    connect(0);
    answer(0, 503);
    tries.abandon(fault.CLIENT_RESET);
    wait(2_000);
    assert.deepEqual(told, ["deposit", "a", "defer 0", "close 0"]);
  });
});

describe("a second try beside the first", () => {
  beforeEach(() => {
    hedgeAfterMs = 200;
  });

  it("begins after the delay; the first acceptable answer counts, the other try is given up", () => {
    for (const [winner, loser] of [
      [0, 1],
      [1, 0],
    ] as const) {
      borrowers = [];
      begin("ab");
      connect(0);
      wait(150);
      assert.equal(borrowers.length, 1);
      wait(150);
      connect(1);
      assert.ok(!tries.isAlone);
      answer(winner, 200);
      assert.deepEqual(told.splice(0), ["deposit", "a", "b", `close ${loser}`, `answer of ${"ab"[winner]}`]);
      assert.ok(tries.isAlone);
    }
  });

  it("is the try that follows when the first one fails, and the other way round", () => {
    for (const [failing, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      borrowers = [];
      begin("abc");
      connect(0);
      wait(300);
      connect(1);
      breakOff(failing);
      answer(other, 200);
      assert.deepEqual(told.splice(0), ["deposit", "a", "b", `answer of ${"ab"[other]}`]);
    }
  });

  it("of which one is busy waits for the other", () => {
    begin("ab");
    connect(0);
    wait(300);
    connect(1);
    answer(0, 503);
    breakOff(1);
    wait(300);
    assert.deepEqual(told, ["deposit", "a", "b", "defer 0", "a"], "and then there is one try left");
    connect(2);
    breakOff(2);
    assert.deepEqual(told.slice(-2), ["answer of a", "go on 0"]);
  });

  it("is not made for what may not be done twice, still comes, or was answered in part", () => {
    for (const changes of [
      { isIdempotent: false },
      { isReplayable: false },
      { isRequestEnded: false },
      { hasForwarded: true },
      { asksUpgrade: true },
    ]) {
      borrowers = [];
      begin("ab", changes);
      wait(1_000);
      assert.equal(borrowers.length, 1, JSON.stringify(changes));
    }
  });

  it("is not made without a budget, another server, or a place there", () => {
    tokens = 0;
    begin("ab");
    wait(1_000);
    tokens = 10;
    begin("a");
    wait(1_000);
    assert.deepEqual(told, ["deposit", "a", "deposit", "a"]);
  });
});

describe("tries where there is no place", () => {
  const free = (label: string): void => {
    full = full.replace(label, "");
    const endpoint = endpoints.find((each) => each.label === label)!;
    queue.serve(endpoint, endpoint.connections, () => true);
  };

  it("wait, and take the first place anywhere", () => {
    full = "ab";
    begin("ab");
    assert.deepEqual([told, queue.length], [["deposit"], 1]);
    free("b");
    assert.deepEqual(told, ["deposit", "place at b", "b"]);
    assert.deepEqual([queue.length, tries.count], [0, 1]);
  });

  it("wait no longer than `queue`, and not at all when too many do", () => {
    full = "a";
    begin("a");
    wait(DEFAULT_TIMEOUTS.queueMs + 100);
    assert.equal(told.at(-1), "upstream.queue-timeout");
    mayWait = false;
    begin("a");
    assert.equal(told.at(-1), "upstream.queue-full");
  });

  it("leave the queue at once when they are abandoned", () => {
    full = "a";
    begin("a");
    tries.abandon(fault.CLIENT_RESET);
    assert.deepEqual([queue.length, left], [0, 1]);
    wait(DEFAULT_TIMEOUTS.queueMs + 100);
    assert.deepEqual(told, ["deposit"]);
  });

  it("wait for another server after one has refused", () => {
    begin("ab");
    full = "b";
    borrowers[0]?.onLeaseFailed(fault.CONNECT_REFUSED);
    free("a");
    assert.equal(queue.length, 1);
    free("b");
    assert.deepEqual(told, ["deposit", "a", "place at b", "b"]);
  });

  it("that were stale wait for their own server, whoever else waits", () => {
    begin("ab");
    const connection = { isReused: true, hasHeard: false, begin() {}, close() {} };
    borrowers[0]?.onLease(connection as never);
    full = "a";
    mayWait = false;
    (borrowers[0] as unknown as Attempt).onFault(fault.UPSTREAM_CLOSED);
    assert.deepEqual(told, ["deposit", "a", "make room at a"]);
    free("b");
    assert.equal(queue.length, 1);
    free("a");
    assert.deepEqual(told.slice(3), ["a fresh"]);
  });

  it("that were stale go to another server when their own is gone", () => {
    for (const [attemptsMax, end] of [
      [1, "b"],
      [0, "upstream.closed"],
    ] as const) {
      policy = { attemptsMax };
      full = "";
      begin("ab");
      const connection = { isReused: true, hasHeard: false, begin() {}, close() {} };
      borrowers.at(-1)?.onLease(connection as never);
      full = "a";
      (borrowers.at(-1) as unknown as Attempt).onFault(fault.UPSTREAM_CLOSED);
      queue.dismiss(endpoints.slice(1), () => true);
      assert.equal(queue.length, 1);
      queue.dismiss(endpoints.slice(1), () => false);
      assert.deepEqual([queue.length, told.at(-1)], [0, end]);
    }
  });

  it("leave the queue when what is held becomes the response", () => {
    totalMs = 1_000;
    policy = { attemptsMax: 2 };
    begin("abc");
    connect(0);
    answer(0, 503);
    wait(150);
    full = "c";
    borrowers[1]?.onLeaseFailed(fault.CONNECT_REFUSED);
    assert.equal(queue.length, 1);
    wait(1_000);
    assert.deepEqual(told.slice(-2), ["answer of a", "go on 0"]);
    assert.equal(queue.length, 0);
    free("c");
    assert.deepEqual([tries.count, tries.current?.endpoint.label], [2, "a"]);
  });

  it("are none beyond a cap: no request, no connection", () => {
    hasRoom = false;
    begin("a");
    assert.deepEqual([told, left], [["upstream.breaker-open"], 0]);
  });

  it("are counted as one request until the exchange ends", () => {
    begin("a");
    tries.end();
    tries.end();
    assert.equal(left, 1);
  });
});
