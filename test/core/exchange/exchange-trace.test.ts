import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { Attempt } from "../../../core/exchange/attempt.ts";
import { ExchangeTrace, type TracedExchange } from "../../../core/exchange/exchange-trace.ts";
import * as fault from "../../../core/fault.ts";

/** Notes about an exchange that is only told of. test/scenario/traces.test.ts has them of real ones. */

let nowMs: number;
let exchange: Record<string, unknown>;

const group = {
  definition: { name: "app", balance: { method: "auto", part: "path" }, pool: { queueMax: 5 } },
  skipped: () => ({ of: 1, servers: [], isCut: false, seenAt: "choice" }),
  isKept: () => false,
  breaker: { inFlight: 1, retries: 0, caps: { inFlight: 10, retries: Number.POSITIVE_INFINITY, pending: 3 } },
  retryBudget: { tokens: () => 1.26 },
  queue: { length: 2 },
  nowMs: 0,
};

const attemptOf = (changes: object = {}): Attempt =>
  ({
    endpoint: { label: "s:1" },
    cause: "first",
    chosenBy: "",
    wasSent: false,
    waitedMs: null,
    startedMs: null,
    leasedMs: null,
    headMs: null,
    status: 0,
    ...changes,
  }) as unknown as Attempt;

const traceOf = (isSampled = false): ExchangeTrace =>
  new ExchangeTrace(exchange as unknown as TracedExchange, isSampled);

beforeEach(() => {
  nowMs = 110.12345;
  exchange = {
    engine: { runtime: { wallClockMs: () => 1_000 } },
    startedMs: 100,
    get nowMs() {
      return nowMs;
    },
    requestId: "r",
    listener: "main",
    clientAddress: "192.0.2.1",
    method: "GET",
    host: "h".repeat(600),
    path: "/",
    targetSent: `/${"x".repeat(600)}?secret`,
    routeId: "all",
    route: null,
    plan: { group },
    status: 200,
    fault: null,
    attempts: 1,
    requestBytes: 0,
    responseBytes: 0,
  };
});

describe("the notes for a trace", () => {
  it("come to nothing when nothing went wrong after all", () => {
    const trace = traceOf();
    trace.decided(attemptOf({ status: 404 }), "none", "no attempts left");
    assert.equal(trace.finish(), null);
  });

  it("say when it began, how long it took, and how things stood", () => {
    const record = traceOf(true).finish()!;
    assert.deepEqual([record.kept, record.atMs, record.durationMs], ["sampled", 990, 10.123]);
    assert.deepEqual(record.load, {
      retryTokens: 1.3,
      inFlight: 1,
      inFlightMax: 10,
      retries: 0,
      retriesMax: null,
      queued: 2,
      queuedMax: 3,
    });
  });

  it("hold texts of 512 characters at most, and no query", () => {
    const { host, rewrittenPath } = traceOf(true).finish()!;
    assert.deepEqual([host.length, rewrittenPath!.length, rewrittenPath!.at(-1)], [512, 512, "…"]);
    exchange["targetSent"] = "/a?secret";
    assert.equal(traceOf(true).finish()!.rewrittenPath, "/a");
  });

  it("hold so many tries and hooks, and count the tries beyond", () => {
    const trace = traceOf(true);
    for (let i = 0; i < 20; i++) {
      const attempt = attemptOf();
      trace.began(attempt);
      trace.ended(attempt, fault.CONNECT_REFUSED);
      trace.decided(attempt, "anywhere", "");
      trace.ended(attemptOf(), fault.CONNECT_REFUSED);
      trace.noteHook({ hook: "decide", tookMs: 1, outcome: "o".repeat(600) });
    }
    exchange["attempts"] = 40;
    const { tries, triesOmitted, hooks } = trace.finish()!;
    assert.deepEqual([tries.length, triesOmitted, hooks.length, hooks[0]!.outcome.length], [16, 24, 16, 512]);
  });

  it("say how a try came to its connection, and take each end once", () => {
    const attempt = attemptOf({
      wasSent: true,
      leasedMs: 102,
      headMs: 101,
      status: 200,
      chosenBy: "hook decide",
      isReused: false,
    });
    const trace = traceOf(true);
    trace.began(attempt);
    trace.ended(attempt, null);
    nowMs = 500;
    trace.ended(attempt, fault.UPSTREAM_RESET);
    const [only] = trace.finish()!.tries;
    assert.deepEqual(
      [only!.chosenBy, only!.connection, only!.connectMs, only!.sentAfterMs],
      ["hook decide", "new", 2, 2],
    );
    assert.deepEqual([only!.firstByteMs, only!.endedAfterMs, only!.fault], [0, 10.123, ""]);
    const bound = attemptOf({ wasSent: true, isReused: true, isBound: true });
    const other = traceOf();
    other.ended(bound, fault.UPSTREAM_RESET);
    assert.deepEqual([other.finish()!.tries[0]!.connection, other.finish()!.kept], ["bound", "retried"]);
    assert.equal(other.finish()!.tries[0]!.chosenBy, "bound connection");
    const balanced = traceOf();
    balanced.ended(attemptOf(), fault.UPSTREAM_RESET);
    assert.equal(balanced.finish()!.tries[0]!.chosenBy, "hash (auto)");
  });

  it("correct what was decided when it can't be done", () => {
    const [first, second] = [attemptOf(), attemptOf()];
    const trace = traceOf(true);
    trace.dropped("nothing was decided yet");
    for (const each of [first, second]) trace.began(each);
    trace.decided(first, "elsewhere", "");
    trace.dropped("no other server");
    assert.deepEqual(
      trace.finish()!.tries.map(({ next }) => next && [next.decision, next.why]),
      [["none", "no other server"], null],
    );
  });
});
