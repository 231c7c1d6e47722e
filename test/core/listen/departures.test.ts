import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Fault } from "../../../core/fault.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Departures, type Judge } from "../../../core/listen/departures.ts";
import type { HttpSession } from "../../../core/listen/http-session.ts";
import type { Listener } from "../../../core/listen/listener.ts";
import { Timers } from "../../../core/time/timers.ts";

interface FakeExchange {
  route: string | null;
  endpoint: string | null;
  readonly currentAttempt: { endpoint: string } | null;
  /** A server may yet be asked. */
  mayAsk: boolean;
  readonly isUndecided: boolean;
  cut: string;
  onFault(fault: Fault): void;
}

function exchangeOn(route: string | null, endpoint: string | null = null): FakeExchange {
  return {
    route,
    endpoint,
    get currentAttempt() {
      return this.endpoint === null ? null : { endpoint: this.endpoint };
    },
    mayAsk: true,
    get isUndecided() {
      return this.endpoint === null && this.mayAsk;
    },
    cut: "",
    onFault({ code }) {
      this.cut = code;
    },
  };
}

const sessionWith = (exchange: FakeExchange | null) => ({ exchange });
type FakeSession = ReturnType<typeof sessionWith>;

function listenerWith(...sessions: FakeSession[]) {
  return {
    sessions: new Set(sessions),
    hasClosed: true,
    closedIdle: 0,
    closedAll: "",
    closeIdle() {
      this.closedIdle++;
    },
    closeAll({ code }: Fault) {
      this.closedAll = code;
    },
  };
}

const judge = (routes: string[], retired: string[] = []): Judge => ({
  keepsRoute: (route) => routes.includes(route as unknown as string),
  retired: new Set(retired) as unknown as Judge["retired"],
});

function begin(sessions: FakeSession[], by: Judge, listeners: ReturnType<typeof listenerWith>[] = []) {
  const timers = new Timers(0);
  let overs = 0;
  const departures = new Departures(timers, listeners as unknown as Listener[], () => {
    overs++;
  });
  departures.begin(sessions as unknown as HttpSession[], by, 1_000);
  let now = 0;
  const pass = (ms: number): void => {
    for (const until = now + ms; now < until; now += TICK_MS) timers.advance(now + TICK_MS);
  };
  return { departures, pass, overs: () => overs };
}

describe("departures", () => {
  it("are over at once when everything may go on", () => {
    const sessions = [sessionWith(null), sessionWith(exchangeOn("a", "s1")), sessionWith(exchangeOn(null))];
    const { overs, pass } = begin(sessions, judge(["a"], ["s2"]));
    assert.equal(overs(), 1);
    pass(3_000);
    assert.equal(sessions[1]?.exchange?.cut, "");
    assert.equal(overs(), 1);
  });

  it("wait for those between two tries, and cut the next one where it begins at a server that is gone", () => {
    const exchanges = [exchangeOn("a"), exchangeOn("a"), exchangeOn("a")];
    const { departures, overs, pass } = begin(exchanges.map(sessionWith), judge(["a"], ["s2"]));
    exchanges[0]!.endpoint = "s1";
    exchanges[1]!.endpoint = "s2";
    departures.check();
    pass(1_200);
    const cuts = () => exchanges.map(({ cut }) => cut);
    assert.deepEqual([cuts(), overs()], [["", "internal.reloaded", ""], 0]);
    exchanges[2]!.endpoint = "s2";
    departures.check();
    assert.deepEqual([cuts()[2], overs()], ["internal.reloaded", 1], "at once, after the deadline");
  });

  it("do not wait for what a program answers, or has been answered: no server will be asked", () => {
    const answered = exchangeOn("a");
    answered.mayAsk = false;
    const waiting = exchangeOn("a");
    const { departures, overs, pass } = begin([answered, waiting].map(sessionWith), judge(["a"], ["s2"]));
    assert.equal(overs(), 0);
    waiting.mayAsk = false;
    departures.check();
    assert.equal(overs(), 1);
    pass(1_200);
    assert.deepEqual([answered.cut, waiting.cut], ["", ""]);
  });

  it("cut what has lost its route or server, at the deadline and not before", () => {
    const exchanges = [exchangeOn("a", "s1"), exchangeOn("b", "s1"), exchangeOn("a", "s2")];
    const { overs, pass } = begin(exchanges.map(sessionWith), judge(["a"], ["s2"]));
    const cuts = () => exchanges.map(({ cut }) => cut);
    pass(1_000);
    assert.deepEqual(cuts(), ["", "", ""]);
    pass(2 * TICK_MS);
    assert.deepEqual(cuts(), ["", "internal.reloaded", "internal.reloaded"]);
    assert.equal(overs(), 1);
  });

  it("leave the next request on a connection alone, and are over when nothing is left", () => {
    const [first, second] = [exchangeOn("b"), exchangeOn("b")];
    const session = sessionWith(first);
    const { departures, overs, pass } = begin([session], judge([]));
    departures.check();
    assert.equal(overs(), 0);
    session.exchange = second;
    departures.check();
    assert.equal(overs(), 1);
    pass(2_000);
    assert.deepEqual([first.cut, second.cut], ["", ""]);
  });

  it("pardon what a later reload brings back", () => {
    const exchange = exchangeOn("b");
    const { departures, overs, pass } = begin([sessionWith(exchange)], judge([]));
    departures.pardon(judge(["b"]));
    departures.check();
    assert.equal(overs(), 1);
    pass(2_000);
    assert.equal(exchange.cut, "");
  });

  it("let the sessions of listeners go, and close them at the deadline", () => {
    const session = sessionWith(exchangeOn("a"));
    const [empty, busy] = [listenerWith(), listenerWith(session)];
    const { departures, overs, pass } = begin([session], judge(["a"]), [empty, busy]);
    departures.check();
    assert.equal(overs(), 0);
    assert.equal(busy.closedIdle, 2);
    pass(1_000 + 2 * TICK_MS);
    assert.equal(busy.closedAll, "internal.reloaded");
    assert.equal(overs(), 1);
  });

  it("close who comes out of the kernel's queue after the deadline", () => {
    const listener = listenerWith();
    listener.hasClosed = false;
    const { departures, overs, pass } = begin([], judge([]), [listener]);
    pass(1_000 + 2 * TICK_MS);
    assert.equal(overs(), 0);
    listener.closedAll = "";
    departures.check();
    assert.equal(listener.closedAll, "internal.reloaded");
    listener.hasClosed = true;
    departures.check();
    assert.equal(overs(), 1);
  });

  it("of listeners are over when the last session has gone", () => {
    const session = sessionWith(null);
    const listener = listenerWith(session);
    const { departures, overs } = begin([], judge([]), [listener]);
    assert.equal(overs(), 0);
    listener.sessions.delete(session);
    listener.hasClosed = false;
    departures.check();
    assert.equal(overs(), 0, "somebody may still come out of the kernel's queue");
    listener.hasClosed = true;
    departures.check();
    assert.equal(overs(), 1);
  });
});
