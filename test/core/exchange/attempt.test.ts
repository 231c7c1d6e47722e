import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Attempt, type AttemptJudge, type AttemptOwner } from "../../../core/exchange/attempt.ts";
import type { ClientSide } from "../../../core/exchange/client-side.ts";
import type { RoutePlan } from "../../../core/exchange/deployment.ts";
import type { Engine } from "../../../core/exchange/engine.ts";
import type { Fault } from "../../../core/fault.ts";
import * as fault from "../../../core/fault.ts";
import type { ClientConnection } from "../../../core/h1/client.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Borrower } from "../../../core/upstream/connections.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { requestHead, responseHead } from "../http/heads.ts";

/** A try between an exchange and a pool that only write down what they are told. */

let told: string[];
let reports: string[];
let nowMs: number;
let wantsLatency: boolean;
let perTryMs: number;
let timers: Timers;
let endpoint: Endpoint;
let client: ClientSide;
let borrower: Borrower | null;

function connectionLike(
  options: { isReused?: boolean; isBound?: boolean; isReusable?: boolean } = {},
): ClientConnection {
  const connection = {
    isReused: false,
    isBound: false,
    isReusable: true,
    hasHeard: false,
    ...options,
    begin: () => void told.push("begin"),
    end: () => {},
    close: () => void told.push("close"),
    defer: () => void told.push("defer"),
    rest: () => void told.push("rest"),
  };
  return connection as unknown as ClientConnection;
}

const group = {
  get wantsLatency() {
    return wantsLatency;
  },
  get retries() {
    return { perTryMs };
  },
  breaker: { endRetry: () => void told.push("end retry") },
  report: (at: Endpoint, outcome: string, latencyMs: number) => {
    assert.equal(at, endpoint);
    reports.push(`${outcome} ${latencyMs}`);
  },
};

const owner = (): AttemptOwner => ({
  client,
  head: requestHead("GET / HTTP/1.1\nHost: a"),
  engine: { runtime: { now: () => nowMs }, timers } as unknown as Engine,
  plan: { timeouts: { connectMs: 123, firstByteMs: 60_000, totalMs: 2_000 }, group } as unknown as RoutePlan,
  asksUpgrade: false,
  isRequestEnded,
  awaitsContinue,
  server: "",
  nowMs: 0,
  trace: null,
  sendRequest: (attempt) => {
    told.push("send");
    if (isRequestEnded) attempt.endRequest();
  },
  onInterim: () => void told.push("interim"),
  onResponsePiece: () => void told.push("piece"),
  onResponseFlush: () => void told.push("flush"),
  onResponseEnd: () => void told.push("end"),
  onUpstreamWritable: () => void told.push("writable"),
});

const judge: AttemptJudge = {
  onFailing: () => {},
  onHead: () => void told.push("head"),
  onFailed: (_attempt: Attempt, reason: Fault) => void told.push(`failed ${reason.code}`),
};

beforeEach(() => {
  told = [];
  reports = [];
  nowMs = 1_000;
  wantsLatency = false;
  perTryMs = Number.POSITIVE_INFINITY;
  timers = new Timers(0);
  isExtra = false;
  isRequestEnded = true;
  awaitsContinue = false;
  borrower = null;
  const connections = {
    lease(by: Borrower, fresh: boolean) {
      borrower = by;
      told.push(fresh ? "lease fresh" : "lease");
    },
    cancel: () => void told.push("cancel"),
    giveBack: () => void told.push("give back"),
  };
  endpoint = { inFlight: 0, connections, health: { trial: 0 } } as unknown as Endpoint;
  bound = [];
  client = {
    connection: { isClosed: false },
    takeBound: () => null,
    bind: (...both: unknown[]) => void bound.push(both),
  } as unknown as ClientSide;
});

/** What was left with the client: connection and server. */
let bound: unknown[];
let isExtra: boolean;
let isRequestEnded: boolean;
let awaitsContinue: boolean;

function started(fresh = false): Attempt {
  const attempt = new Attempt(owner(), judge, endpoint, isExtra);
  attempt.start(fresh);
  return attempt;
}

describe("a try", () => {
  it("leases, sends, passes on what comes, and gives back", () => {
    const attempt = started();
    assert.equal(borrower?.connectMs, 123);
    attempt.onLease(connectionLike({ isReused: true }));
    assert.ok(attempt.isReused);
    assert.equal(endpoint.inFlight, 1);
    const head = responseHead("HTTP/1.1 200 OK");
    attempt.onInterim(head);
    attempt.onHead(head);
    attempt.onBodyPiece(new Uint8Array(1), 0, 1);
    attempt.onFlush();
    attempt.onWritable();
    attempt.onEnd(null);
    attempt.giveBack();
    const passed = ["interim", "head", "piece", "flush", "writable", "end"];
    assert.deepEqual(told, ["lease", "begin", "send", ...passed, "give back"]);
    assert.equal(endpoint.inFlight, 0);
    assert.equal(attempt.connection, null);
  });

  it("may ask for a fresh connection", () => {
    started(true);
    assert.deepEqual(told, ["lease fresh"]);
  });

  it("fails without a connection", () => {
    started().onLeaseFailed(fault.QUEUE_FULL);
    assert.deepEqual(told, ["lease", "failed upstream.queue-full"]);
    assert.equal(endpoint.inFlight, 0);
  });

  it("fails with its connection, and knows whether anything was heard", () => {
    for (const hasHeard of [false, true]) {
      const attempt = started();
      attempt.onLease(Object.assign(connectionLike(), { hasHeard }));
      attempt.onFault(fault.UPSTREAM_RESET);
      assert.equal(attempt.hasHeard, hasHeard);
      assert.equal(told.at(-1), "failed upstream.reset");
      assert.equal(endpoint.inFlight, 0);
    }
  });

  it("is abandoned once: before the lease, or with it", () => {
    const waiting = started();
    waiting.abandon(fault.CLIENT_RESET);
    waiting.abandon(fault.CLIENT_RESET);
    assert.deepEqual(told.splice(0), ["lease", "cancel"]);
    const under = started();
    under.onLease(connectionLike());
    under.abandon(fault.CLIENT_RESET);
    under.abandon(fault.CLIENT_RESET);
    assert.deepEqual(told, ["lease", "begin", "send", "close"]);
    assert.equal(endpoint.inFlight, 0);
  });
});

describe("what a try reports of its server, once", () => {
  const answered = (text: string): Attempt => {
    const attempt = started();
    attempt.onLease(connectionLike());
    nowMs += 7;
    attempt.onHead(responseHead(text));
    return attempt;
  };

  it("the status, when the response is complete", () => {
    for (const [status, outcome] of [
      [200, "success"],
      [500, "server-error"],
      [503, "gateway-error"],
    ]) {
      const attempt = answered(`HTTP/1.1 ${status} x`);
      assert.deepEqual(reports, []);
      attempt.giveBack();
      attempt.abandon(fault.CLIENT_RESET);
      assert.deepEqual(reports.splice(0), [`${outcome} -1`]);
    }
  });

  it("how long it took, if anybody wants to know", () => {
    wantsLatency = true;
    answered("HTTP/1.1 200 OK").giveBack();
    assert.deepEqual(reports, ["success 7"]);
  });

  it("how long it took without the upload, which is the client's", () => {
    wantsLatency = true;
    isRequestEnded = false;
    for (const answersEarly of [false, true]) {
      const attempt = started();
      attempt.onLease(connectionLike());
      nowMs += 4_000;
      if (!answersEarly) attempt.endRequest();
      nowMs += 7;
      attempt.onHead(responseHead("HTTP/1.1 200 OK"));
      attempt.giveBack();
    }
    assert.deepEqual(reports, ["success 7", "success -1"]);
  });

  it("at its head when others wait for what comes of a trial", () => {
    Object.assign(endpoint.health, { state: "probing" });
    const attempt = started();
    attempt.onLease(connectionLike());
    attempt.onHead(responseHead("HTTP/1.1 200 OK"));
    assert.deepEqual(reports, ["success -1"]);
  });

  it("nothing when its response waits for what the client has yet to send", () => {
    isRequestEnded = false;
    const attempt = started();
    attempt.onLease(connectionLike());
    attempt.onFault(fault.RESPONSE_TIMEOUT);
    answered("HTTP/1.1 200 OK").endRequest();
    assert.deepEqual(reports, ["abandoned -1"]);
  });

  it("a tunnel and an event stream at their head", () => {
    answered("HTTP/1.1 101 x\nUpgrade: a").onFault(fault.TUNNEL_IDLE);
    answered("HTTP/1.1 200 OK\nContent-Type: text/event-stream").onFault(fault.RESPONSE_TRUNCATED);
    assert.deepEqual(reports, ["success -1", "success -1"]);
  });

  it("how it failed, also in the middle of a response", () => {
    answered("HTTP/1.1 200 OK").onFault(fault.RESPONSE_TRUNCATED);
    started().onLeaseFailed(fault.CONNECT_REFUSED);
    started().onLeaseFailed(fault.QUEUE_FULL);
    assert.deepEqual(reports, ["broken -1", "refused -1", "abandoned -1"]);
  });

  it("nothing bad when a kept connection turns out to be closed, or the client leaves", () => {
    const stale = started();
    stale.onLease(connectionLike({ isReused: true }));
    stale.onFault(fault.UPSTREAM_CLOSED);
    started().abandon(fault.CLIENT_RESET);
    answered("HTTP/1.1 502 x").abandon(fault.CLIENT_RESET);
    assert.deepEqual(reports, ["abandoned -1", "abandoned -1", "gateway-error -1"]);
  });
});

describe("a try with a deadline of its own", () => {
  const wait = (ms: number) => {
    for (let at = timers.nowMs; at <= ms + 150; at += 50) timers.advance(at);
  };

  it("gives up without a head, and says that the server was late", () => {
    perTryMs = 1_000;
    started().onLease(connectionLike());
    wait(800);
    assert.deepEqual(reports, []);
    wait(1_000);
    assert.deepEqual(told.slice(-2), ["close", "failed upstream.try-timeout"]);
    assert.deepEqual(reports, ["timeout -1"]);
  });

  it("has none once the head is there", () => {
    perTryMs = 1_000;
    const attempt = started();
    attempt.onLease(connectionLike());
    attempt.onHead(responseHead("HTTP/1.1 200 OK"));
    wait(5_000);
    assert.equal(told.at(-1), "head");
    attempt.giveBack();
  });

  it("waits for an upload, and begins anew behind it", () => {
    perTryMs = 1_000;
    for (const uploadMs of [500, 2_500]) {
      timers = new Timers(0);
      isRequestEnded = false;
      const attempt = started();
      attempt.onLease(connectionLike());
      wait(uploadMs);
      attempt.endRequest();
      const endedMs = timers.nowMs;
      wait(endedMs + 700);
      assert.equal(told.at(-1), "send", `${uploadMs} ms`);
      wait(endedMs + 1_000);
      assert.equal(told.at(-1), "failed upstream.try-timeout");
    }
    assert.deepEqual(reports, ["timeout -1", "timeout -1"]);
  });

  it("has none behind a head that came before the end of the upload", () => {
    perTryMs = 1_000;
    isRequestEnded = false;
    const attempt = started();
    attempt.onLease(connectionLike());
    attempt.onHead(responseHead("HTTP/1.1 200 OK"));
    attempt.endRequest();
    wait(5_000);
    assert.equal(told.at(-1), "head");
    attempt.giveBack();
    assert.deepEqual(reports, ["success -1"]);
  });

  it("does not blame a server that says nothing to a client that waits for a 100", () => {
    perTryMs = 1_000;
    isRequestEnded = false;
    awaitsContinue = true;
    started().onLease(connectionLike());
    wait(1_000);
    assert.deepEqual(told.slice(-2), ["close", "failed upstream.try-timeout"]);
    perTryMs = Number.POSITIVE_INFINITY;
    timers = new Timers(0);
    started().onLease(connectionLike());
    wait(59_000);
    assert.equal(told.at(-1), "send");
    wait(60_000);
    assert.equal(told.at(-1), "failed upstream.first-byte-timeout");
    assert.deepEqual(reports, ["abandoned -1", "abandoned -1"]);
  });

  it("leaves it to the connection how long a server may take that has a whole request, whatever its client waits for", () => {
    awaitsContinue = true;
    const attempt = started();
    attempt.onLease(connectionLike());
    wait(70_000);
    assert.equal(told.at(-1), "send");
    attempt.giveBack();
  });

  it("ends while it waits for a connection, whatever the client does", () => {
    perTryMs = 1_000;
    isRequestEnded = false;
    started();
    wait(1_000);
    assert.deepEqual(told, ["lease", "cancel", "failed upstream.try-timeout"]);
    assert.deepEqual(reports, ["timeout -1"]);
  });
});

describe("a further try", () => {
  it("gives its place back once, when its response is accepted or however it ends", () => {
    isExtra = true;
    for (const end of [
      (attempt: Attempt) => attempt.accept(),
      (attempt: Attempt) => attempt.giveBack(),
      (attempt: Attempt) => attempt.abandon(fault.CLIENT_RESET),
      (attempt: Attempt) => attempt.onFault(fault.UPSTREAM_RESET),
    ]) {
      const attempt = started();
      attempt.onLease(connectionLike());
      end(attempt);
      attempt.abandon(fault.CLIENT_RESET);
      assert.equal(told.filter((each) => each === "end retry").length, 1);
      told.length = 0;
    }
  });
});

describe("a try whose response waits", () => {
  it("has reported, and is dropped with its connection", () => {
    const attempt = started();
    attempt.onLease(connectionLike());
    attempt.onHead(responseHead("HTTP/1.1 503 x"));
    attempt.hold();
    assert.deepEqual(reports, ["gateway-error -1"]);
    attempt.abandon(fault.NO_SERVER);
    assert.deepEqual(told.slice(-2), ["defer", "close"]);
    assert.equal(reports.length, 1);
  });

  it("has failed when most of the request's time went by waiting for it, and the client was not the cause", () => {
    const leased = (): Attempt => {
      const attempt = started();
      attempt.onLease(connectionLike());
      return attempt;
    };
    const [late, connecting, loser] = [leased(), started(), leased()];
    isRequestEnded = false;
    const uploading = leased();
    isRequestEnded = true;
    for (let at = 50; at <= 1_500; at += 50) timers.advance(at);
    const lastMinute = leased();
    for (const each of [late, connecting, uploading, lastMinute]) each.abandon(fault.TOTAL_TIMEOUT);
    loser.abandon(null);
    assert.deepEqual(reports, ["timeout -1", "connect-failed -1", "abandoned -1", "abandoned -1", "abandoned -1"]);
  });
});

describe("a try on a connection that is bound to its client", () => {
  it("takes it without the pool", () => {
    Object.assign(client, { takeBound: () => connectionLike({ isReused: true }) });
    assert.ok(started().isReused);
    assert.deepEqual(told, ["begin", "send"]);
  });

  it("leaves it with the client", () => {
    const attempt = started();
    const connection = connectionLike({ isBound: true });
    attempt.onLease(connection);
    attempt.giveBack();
    assert.equal(told.at(-1), "rest");
    assert.deepEqual(bound, [[connection, endpoint]]);
  });

  it("closes it when it cannot be used again, or the client is gone", () => {
    for (const [isReusable, isClosed] of [
      [false, false],
      [true, true],
    ] as const) {
      Object.assign(client, { connection: { isClosed } });
      const attempt = started();
      attempt.onLease(connectionLike({ isBound: true, isReusable }));
      attempt.giveBack();
      assert.equal(told.at(-1), "close");
      assert.deepEqual(bound, []);
    }
  });
});
