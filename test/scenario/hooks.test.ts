// Hooks from the first to the last, between real peers on the simulated runtime.

import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { UNLOAD_MS } from "../../core/limits.ts";
import type {
  AttemptChange,
  Decide,
  HookAttempt,
  HookOutcome,
  HookResponse,
  OnAttempt,
  OnFinish,
  OnResponse,
} from "../../core/script/hooks.ts";
import { createOrigin } from "../../testing/origin.ts";
import { addressOf } from "../../testing/wire.ts";
import { GET, OK, type Stage, type StageOptions, stageWith, UPSTREAM } from "./stage.ts";

const OTHER = "127.0.0.1:9002";
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

/** Answers at once and by a promise alike. */
const bothWays = <A>(answer: A): (() => A | Promise<A>)[] => [() => answer, async () => answer];

async function settle({ sim }: Stage): Promise<void> {
  for (let i = 0; i < 5; i++) {
    sim.drive();
    await sim.settle();
  }
}

/** The fields of a request as text, in lower case. */
const headOf = (request: object): string => JSON.stringify("fields" in request ? request.fields : "").toLowerCase();

/** With a second server that says who it is. */
async function withTwo(hooks: object, app: StageOptions["app"] = {}) {
  const asked: string[] = [];
  const heads: string[] = [];
  const script = (name: string, answer = OK) => ({
    onRequest: (request: object) => {
      asked.push(name);
      heads.push(headOf(request));
      return answer;
    },
  });
  const stage = await stageWith({
    routes: [{ id: "r", upstream: "app", hooks } as never],
    otherServers: [OTHER],
    app: { balance: "round-robin", ...app },
    script: script("one"),
  });
  const other = await createOrigin(stage.sim.outside(), addressOf(OTHER), script("two"));
  return {
    stage,
    asked,
    heads,
    async close() {
      await stage.close();
      await other.close();
    },
  };
}

describe("decide", () => {
  it("chooses a server, as long as it is there", async () => {
    for (const server of [UPSTREAM, OTHER]) {
      const decide: Decide = () => ({ upstream: "app", server });
      const { stage, asked, close } = await withTwo({ decide });
      for (let i = 0; i < 4; i++) stage.ask(GET);
      await settle(stage);
      assert.deepEqual(new Set(asked), new Set([server === UPSTREAM ? "one" : "two"]));
      await close();
    }
  });

  it("leaves the choice to the balancer when its server is out, unless it is strict", async () => {
    for (const strict of [false, true]) {
      const decide: Decide = () => ({ upstream: "app", server: OTHER, strict });
      const { stage, asked, close } = await withTwo({ decide });
      stage.proxy.setServerState("app", OTHER, "maintenance");
      const peer = stage.ask(GET);
      await settle(stage);
      assert.deepEqual(asked, strict ? [] : ["one"]);
      assert.match(peer.text(), strict ? /^HTTP\/1.1 503/ : /^HTTP\/1.1 200/);
      await close();
    }
  });

  it("that names what is not there has failed, and says what there is", async () => {
    for (const [answer, text] of [
      ["nobody", /no upstream is called "nobody"; known is app/],
      [{ upstream: "app", server: "1.2.3.4:5" }, /has no server "1.2.3.4:5"; known are 127.0.0.1:9001, 127.0.0.1:9002/],
    ] as const) {
      const { stage, close } = await withTwo({ decide: () => answer });
      const peer = stage.ask(GET);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 503/);
      const [notice] = stage.notices.filter((each) => each.kind === "hook-failed");
      assert.ok(notice?.kind === "hook-failed");
      assert.match(String(notice.error), text);
      await close();
    }
  });

  it("gives hosts and headers to send, and what to hash by", async () => {
    let key = "a";
    const decide: Decide = () => ({
      upstream: "app",
      host: "inner.example",
      headers: { set: { "X-By": "hook" } },
      hashKey: key,
    });
    const { stage, asked, heads, close } = await withTwo({ decide }, { balance: { hash: "path" } as never });
    const servers: string[] = [];
    for (key of ["a", "b", "c", "d", "e", "f", "a", "b", "c"]) {
      stage.ask(GET);
      await settle(stage);
      servers.push(asked.at(-1) ?? "");
    }
    assert.deepEqual(servers.slice(0, 3), servers.slice(6));
    assert.deepEqual(new Set(servers), new Set(["one", "two"]));
    assert.match(heads[0] ?? "", /inner\.example/);
    assert.match(heads[0] ?? "", /hook/);
    await close();
  });
});

describe("onAttempt", () => {
  it("sees each try with the servers there are, and why it is made", async () => {
    const seen: unknown[] = [];
    const onAttempt: OnAttempt = async (attempt) => {
      seen.push([
        attempt.number,
        attempt.upstream,
        attempt.server,
        attempt.failure,
        attempt.candidates.map(({ server, isTried, isEligible }) => [server, isTried, isEligible]),
      ]);
    };
    const { stage, close } = await withTwo({ onAttempt });
    stage.script = { onRequest: () => "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" };
    const peer = stage.ask(GET);
    await settle(stage);
    stage.sim.advance(500);
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    assert.deepEqual(seen, [
      [
        1,
        "app",
        UPSTREAM,
        "",
        [
          [UPSTREAM, false, true],
          [OTHER, false, true],
        ],
      ],
      [
        2,
        "app",
        OTHER,
        "status 503",
        [
          [UPSTREAM, true, true],
          [OTHER, false, true],
        ],
      ],
    ]);
    await close();
  });

  it("chooses another server, and headers for that try only", async () => {
    const change = ({ number }: HookAttempt): AttemptChange =>
      number === 1
        ? { server: OTHER, headers: { set: { "X-Try": "first" }, remove: "X-Mine" } }
        : { headers: { set: { "X-Try": "second" } } };
    for (const onAttempt of [change, async (attempt: HookAttempt) => change(attempt)]) {
      const seen: string[] = [];
      const { stage, close } = await withTwo({ onAttempt }, { retries: { on: [500], attempts: 1 } });
      const heads: string[] = [];
      stage.script = {
        onRequest: (request) => {
          seen.push("one");
          heads.push(headOf(request));
          return OK;
        },
      };
      const { asked } = { asked: seen };
      const peer = stage.ask(get("/", "X-Mine: kept\r\n"));
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 200/);
      assert.deepEqual(asked, [], "the second server was asked");
      await close();
    }
  });

  it("takes nothing from the try after it", async () => {
    const onAttempt: OnAttempt = ({ number }) =>
      number === 1 ? { headers: { set: { "X-Try": "first" }, remove: "X-Mine" } } : undefined;
    const heads: string[] = [];
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { onAttempt } }],
      app: { retries: { attempts: 1 } },
      script: {
        onRequest: (request) => {
          heads.push(headOf(request));
          return heads.length === 1 ? "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" : OK;
        },
      },
    });
    const peer = stage.ask(get("/", "X-Mine: kept\r\n"));
    await settle(stage);
    stage.sim.advance(500);
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    assert.equal(heads.length, 2);
    assert.match(heads[0] ?? "", /x-try/);
    assert.doesNotMatch(heads[0] ?? "", /x-mine/);
    assert.doesNotMatch(heads[1] ?? "", /x-try/);
    assert.match(heads[1] ?? "", /x-mine/);
    await stage.close();
  });

  it("that names a server which is not there has failed", async () => {
    for (const onAttempt of bothWays<AttemptChange>({ server: "nope" })) {
      const { stage, asked, close } = await withTwo({ onAttempt });
      const peer = stage.ask(GET);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 200/);
      assert.deepEqual(asked, ["one"], "its fallback is to be ignored");
      const [notice] = stage.notices;
      assert.ok(notice?.kind === "hook-failed" && notice.failure === "nonsense");
      assert.match(String(notice.error), /"app" has no server "nope"; known are 127.0.0.1:9001, 127.0.0.1:9002/);
      await close();
    }
  });

  it("that hangs or throws is ignored, and keeps no place", async () => {
    for (const onAttempt of [() => new Promise(() => {}), () => Promise.reject(new Error("no")), () => 5]) {
      const { stage, asked, close } = await withTwo({ onAttempt });
      const peer = stage.ask(GET);
      await settle(stage);
      stage.sim.advance(1_200);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 200/);
      assert.equal(asked.length, 1);
      await close();
    }
  });

  it("may think for so long that its server is out by then", async () => {
    for (const both of [false, true]) {
      let answer: (nothing: undefined) => void = () => {};
      const onAttempt: OnAttempt = () => new Promise<undefined>((resolve) => (answer = resolve));
      const { stage, asked, close } = await withTwo({ onAttempt });
      const peer = stage.ask(GET);
      await settle(stage);
      stage.proxy.setServerState("app", UPSTREAM, "maintenance");
      if (both) stage.proxy.setServerState("app", OTHER, "maintenance");
      answer(undefined);
      await settle(stage);
      assert.deepEqual(asked, both ? [] : ["two"]);
      assert.match(peer.text(), both ? /^HTTP\/1.1 503/ : /^HTTP\/1.1 200/);
      await close();
    }
  });

  it("is let go with its request, and the server it was for, too", async () => {
    const { stage, close } = await withTwo({ onAttempt: () => new Promise(() => {}) });
    const peer = stage.ask(GET);
    await settle(stage);
    peer.reset();
    await settle(stage);
    assert.equal(stage.exchanges[0]?.status, 499);
    assert.deepEqual(
      stage.endpoints.map(({ inFlight }) => inFlight),
      [0, 0],
    );
    await close();
  });

  it("ends with the request's own time", async () => {
    const stage = await stageWith({
      routes: [
        { upstream: "app", hooks: { onAttempt: { run: () => new Promise(() => {}), timeout: "10s" } } } as never,
      ],
      timeouts: { total: "300ms" },
    });
    const peer = stage.ask(GET);
    stage.sim.advance(500);
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 504/);
    await stage.close();
  });
});

describe("onAttempt of a hedge", () => {
  const HEDGED: StageOptions["app"] = { hedge: { after: "100ms" } };
  /** The first server answers when told to. */
  function slow(stage: Stage, heads: string[]): (answer: string) => void {
    let answer: (text: string) => void = () => {};
    stage.script = {
      onRequest: (request, link) => {
        heads.push(headOf(request));
        answer = (text) => link.peer.send(text);
        return null;
      },
    };
    return (text) => answer(text);
  }

  it("that fails takes the hedge, not the request", async () => {
    const no = (): never => {
      throw new Error("no");
    };
    for (const fail of [no, async () => no()]) {
      const run = ({ number }: HookAttempt) => (number === 1 ? undefined : fail());
      const { stage, asked, close } = await withTwo({ onAttempt: { run, fallback: { status: 503 } } }, HEDGED);
      const answer = slow(stage, []);
      const peer = stage.ask(GET);
      stage.sim.advance(300);
      await settle(stage);
      assert.equal(peer.text(), "");
      answer(OK);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 200/);
      assert.deepEqual([asked, stage.endpoints.map(({ inFlight }) => inFlight)], [[], [0, 0]]);
      await close();
    }
  });

  it("leaves the first try as it was when that is made once more", async () => {
    const onAttempt: OnAttempt = ({ number }) => ({ headers: { set: { "X-Try": `${number}` } } });
    const app: StageOptions["app"] = { ...HEDGED, breaker: { retries: 1 }, balance: "round-robin" };
    const { stage, asked, heads, close } = await withTwo({ onAttempt }, app);
    stage.ask(GET);
    stage.ask(GET);
    await settle(stage);
    slow(stage, heads);
    const { breaker } = stage.engine.deployment.groups.get("app")!;
    assert.ok(breaker.enterRetry()); // the only one, so that the hedge is not made
    const peer = stage.ask(GET);
    stage.sim.advance(300);
    await settle(stage);
    const [link] = stage.origin.links;
    stage.script = {
      onRequest: (request) => {
        heads.push(headOf(request));
        return OK;
      },
    };
    link?.peer.reset(); // a kept connection
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    assert.equal(heads.length, 4);
    assert.equal(heads.at(-1), heads.at(-2));
    assert.deepEqual(asked, ["one", "two"]);
    breaker.endRetry();
    await close();
  });

  it("is called off when the first is answered by a status that may be better elsewhere", async () => {
    const answers: ((nothing: undefined) => void)[] = [];
    const onAttempt: OnAttempt = ({ number }) =>
      number === 1 ? undefined : new Promise<undefined>((resolve) => answers.push(resolve));
    const { stage, close } = await withTwo({ onAttempt }, { ...HEDGED, retries: { attempts: 1 } });
    const answer = slow(stage, []);
    const peer = stage.ask(GET);
    stage.sim.advance(200);
    await settle(stage);
    assert.equal(answers.length, 1);
    answer("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n");
    await settle(stage);
    answers[0]?.(undefined);
    await settle(stage);
    stage.sim.advance(500);
    await settle(stage);
    answers[1]?.(undefined);
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    const { breaker } = stage.engine.deployment.groups.get("app")!;
    assert.equal(breaker.retries, 0, "every charge is given back");
    await close();
  });
});

describe("onResponse", () => {
  it("changes status and headers, at once or later", async () => {
    const answer = { status: 299, headers: { set: { "X-Seen": "yes" }, remove: "X-Inner" } };
    for (const onResponse of bothWays(answer)) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { onResponse } }],
        script: { onRequest: () => "HTTP/1.1 200 OK\r\nX-Inner: 1\r\nContent-Length: 2\r\n\r\nok" },
      });
      const peer = stage.ask(GET);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 299 /);
      assert.match(peer.text(), /X-Seen: yes/);
      assert.doesNotMatch(peer.text(), /X-Inner/);
      assert.match(peer.text(), /\r\n\r\nok$/);
      const again = stage.ask(GET);
      await settle(stage);
      assert.match(again.text(), /\r\n\r\nok$/);
      await stage.close();
    }
  });

  it("sees what the server said, the route's first, then the configuration's", async () => {
    const seen: unknown[] = [];
    const onResponse: OnResponse = (response: HookResponse, request) => {
      seen.push([
        response.status,
        response.upstream,
        response.server,
        response.attempts,
        response.header("x-inner"),
        request.path,
      ]);
      return { headers: { set: { "X-Inner": "2" } } };
    };
    const stage = await stageWith({
      routes: [
        {
          upstream: "app",
          hooks: { onResponse: [onResponse, async (...all: Parameters<OnResponse>) => onResponse(...all)][0] },
        } as never,
      ],
      script: { onRequest: () => "HTTP/1.1 404 x\r\nX-Inner: 1\r\nContent-Length: 0\r\n\r\n" },
    });
    const peer = stage.ask(get("/p"));
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 404 /);
    assert.deepEqual(seen, [[404, "app", UPSTREAM, 1, "1", "/p"]]);
    await stage.close();
  });

  it("replaces a response by another one, and the server's is not read on", async () => {
    for (const onResponse of [
      () => new Response("mine", { status: 418 }),
      async () => new Response("mine", { status: 418 }),
    ]) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { onResponse } }],
        script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin" },
      });
      const peer = stage.ask(GET);
      await settle(stage);
      assert.match(peer.text(), /^HTTP\/1.1 418 /);
      assert.match(peer.text(), /mine/);
      await stage.close();
    }
  });

  it("that fails is answered by its fallback", async () => {
    for (const [hook, status] of [
      [{ run: () => 5 }, 502],
      [{ run: () => ({ status: 204 }) }, 502],
      [{ run: () => Promise.reject(new Error("no")), fallback: { status: 500 } }, 500],
      [{ run: () => new Promise(() => {}), fallback: "ignore" }, 200],
    ] as const) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { onResponse: hook } } as never],
        script: { onRequest: () => OK },
      });
      const peer = stage.ask(GET);
      await settle(stage);
      stage.sim.advance(1_200);
      await settle(stage);
      assert.match(peer.text(), new RegExp(`^HTTP/1.1 ${status} `));
      await stage.close();
    }
  });

  it("answers at once while a hook still looks at a hedge of the same request", async () => {
    const { stage, close } = await withTwo(
      {
        onAttempt: ({ number }: HookAttempt) => (number === 1 ? undefined : new Promise(() => {})),
        onResponse: () => ({ headers: { set: { "X-Seen": "yes" } } }),
      },
      { hedge: { after: "100ms" } },
    );
    let answer = () => {};
    stage.script = {
      onRequest: (_request, link) => {
        answer = () => link.peer.send(OK);
        return null;
      },
    };
    const peer = stage.ask(GET);
    stage.sim.advance(200);
    await settle(stage);
    answer();
    await settle(stage);
    assert.match(peer.text(), /^HTTP\/1.1 200 .*X-Seen: yes/s);
    await close();
  });

  it("may think about one whose server breaks off meanwhile", async () => {
    let answer: (nothing: undefined) => void = () => {};
    const onResponse = () => new Promise<undefined>((resolve) => (answer = resolve));
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { onResponse } }],
      script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin" },
    });
    const peer = stage.ask(GET);
    await settle(stage);
    for (const link of stage.origin.links) link.peer.reset();
    await settle(stage);
    answer(undefined);
    await settle(stage);
    stage.sim.advance(100);
    assert.ok(peer.text() === "" || /^HTTP\/1.1 (502|200)/.test(peer.text()), peer.text());
    assert.equal(stage.exchanges.length, 1);
    assert.notEqual(stage.exchanges[0]?.fault, "");
    await stage.close();
  });
});

describe("onFinish", () => {
  it("is told how it went, of every request, also where there is no route; nobody waits for it", async () => {
    const told: HookOutcome[] = [];
    const onFinish: OnFinish = async (outcome) => {
      told.push(outcome);
      await new Promise(() => {});
    };
    const stage = await stageWith({
      routes: [{ id: "r", match: { path: "/r" }, upstream: "app", hooks: { onFinish } }],
      script: { onRequest: () => OK },
    });
    const peer = stage.ask(get("/r?q=1", "X-Mine: 1\r\n"));
    await settle(stage);
    const [outcome] = told;
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    assert.ok(outcome);
    const { method, path, query, routeId, upstream, server, status, attempts, responseBytes, fault } = outcome;
    assert.deepEqual(
      { method, path, query, routeId, upstream, server, status, attempts, responseBytes, fault },
      {
        method: "GET",
        path: "/r",
        query: "q=1",
        routeId: "r",
        upstream: "app",
        server: UPSTREAM,
        status: 200,
        attempts: 1,
        responseBytes: 2,
        fault: "",
      },
    );
    peer.send(get("/r", "X-Mine: 2\r\n"));
    await settle(stage);
    assert.equal(outcome.header("X-MINE"), "1", "a copy");
    assert.equal(told[1]?.header("x-mine"), "2");
    await stage.close();
  });

  it("is told how long it took, also where nobody else wants to know", async () => {
    const told: HookOutcome[] = [];
    const onFinish: OnFinish = (outcome) => void told.push(outcome);
    const stage = await stageWith({
      routes: [{ match: { path: "/told" }, upstream: "app", hooks: { onFinish } }, { upstream: "app" }],
      trace: { keep: 0 },
      script: { onRequest: () => null },
    });
    Object.assign(stage.observer, { wantsTimes: false });
    const peer = stage.ask(get("/told"));
    stage.sim.advance(400);
    for (const link of stage.origin.links) link.peer.send(OK);
    stage.sim.drive();
    assert.match(peer.text(), /^HTTP\/1.1 200/);
    const [outcome] = told;
    assert.ok(
      outcome !== undefined && outcome.durationMs >= 300 && outcome.firstByteMs >= 300,
      `${outcome?.durationMs}`,
    );
    await stage.close();
  });

  it("has its time when the proxy stops, and no more; then code is let go, once", async () => {
    for (const [timeout, endsMs] of [
      ["2s", 2_000],
      ["1m", UNLOAD_MS],
    ] as const) {
      const signals: AbortSignal[] = [];
      const told: string[] = [];
      const run: OnFinish = (_outcome, { signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      };
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { onFinish: { run, timeout } } }],
        script: { onRequest: () => OK },
      });
      const { deployment } = stage.engine;
      const snapshot = { ...deployment.snapshot, onUnload: () => told.push("unloaded") };
      Object.assign(stage.engine, { deployment: { ...deployment, snapshot } });
      stage.ask(GET);
      await settle(stage);
      for (let i = 0; i < 2; i++) void stage.proxy.stop().then(() => told.push("stopped"));
      await settle(stage);
      stage.sim.advance(endsMs - 100);
      await settle(stage);
      assert.deepEqual([signals.map(({ aborted }) => aborted), told], [[false], []]);
      stage.sim.advance(300);
      await settle(stage);
      assert.deepEqual([signals.map(({ aborted }) => aborted), told], [[true], ["unloaded", "stopped", "stopped"]]);
      await stage.close();
    }
  });
});
