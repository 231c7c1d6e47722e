import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HOOK_BREAKER_FAILURES_MIN } from "../../../core/limits.ts";
import type { Decide, OnRequest } from "../../../core/script/hooks.ts";
import { OK, type Stage, stageWith } from "../../scenario/stage.ts";

/** What the upstream `app` was asked, and what the client was answered. */
async function play(hooks: object, request: string, route: object = {}, use: (stage: Stage) => void = () => {}) {
  const asked: string[] = [];
  const stage = await stageWith({
    routes: [{ id: "r", upstream: "app", hooks, ...route } as never],
    script: {
      onRequest: (seen) => {
        asked.push(`${seen.method} ${seen.target}`);
        return OK;
      },
    },
  });
  const peer = stage.ask(request);
  use(stage);
  await stage.sim.settle();
  stage.sim.drive();
  const answered = peer.text().split("\r\n")[0] ?? "";
  const [fault] = stage.exchanges.map((exchange) => exchange.fault);
  await stage.close();
  return { asked, answered, fault, text: peer.text() };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe("a request with hooks", () => {
  it("goes on when they say nothing, at once or later", async () => {
    for (const onRequest of [() => undefined, async () => undefined]) {
      const { asked, answered } = await play({ onRequest }, get("/x"));
      assert.deepEqual(asked, ["GET /x"]);
      assert.equal(answered, "HTTP/1.1 200 OK");
    }
  });

  it("is denied, and no server hears of it", async () => {
    for (const onRequest of [() => ({ deny: 403 }), async () => ({ deny: 403, body: "no\n" })]) {
      const { asked, answered, fault } = await play({ onRequest }, get("/x"));
      assert.deepEqual(asked, []);
      assert.equal(answered, "HTTP/1.1 403 Forbidden");
      assert.equal(fault, "");
    }
  });

  it("is sent as it was rewritten", async () => {
    const onRequest: OnRequest = (request) => ({ path: `/v2${request.path}`, query: "a=1" });
    const { asked } = await play({ onRequest }, get("/x?b=2"));
    assert.deepEqual(asked, ["GET /v2/x?a=1"]);
  });

  it("waits with its body until they have answered", async () => {
    let answer: (nothing: undefined) => void = () => {};
    const decide: Decide = () => new Promise((resolve) => (answer = resolve));
    const body = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    const { asked, answered } = await play({ decide }, body, {}, ({ origin }) => {
      assert.equal(origin.links.length, 0);
      answer(undefined);
    });
    assert.deepEqual(asked, ["POST /x"]);
    assert.equal(answered, "HTTP/1.1 200 OK");
  });

  it("is answered by the fallback when they throw, hang or answer nonsense", async () => {
    const throwing = () => {
      throw new Error("x");
    };
    for (const decide of [throwing, () => 5, () => "nobody"]) {
      const { asked, answered } = await play({ decide }, get("/x"));
      assert.deepEqual(asked, []);
      assert.equal(answered, "HTTP/1.1 503 Service Unavailable");
    }
    const hung = await play({ decide: () => new Promise(() => {}) }, get("/x"), {}, ({ sim }) => sim.advance(1_200));
    assert.equal(hung.fault, "internal.hook-failed");
    const ignored = await play({ decide: { run: throwing, fallback: "ignore" } }, get("/x"));
    assert.deepEqual(ignored.asked, ["GET /x"]);
    const elsewhere = await play({ decide: { run: throwing, fallback: { upstream: "app" } } }, get("/x"));
    assert.deepEqual(elsewhere.asked, ["GET /x"]);
  });

  it("leaves when its client does, and tells them: by the request's signal, then by its own", async () => {
    const told: string[] = [];
    const decide: Decide = (request, context) => {
      for (const [name, { signal }] of Object.entries({ context, request }))
        signal.addEventListener("abort", () => told.push(`${name}: ${signal.reason.name}`));
      return new Promise(() => {});
    };
    const stage = await stageWith({ routes: [{ upstream: "app", hooks: { decide } }] });
    const peer = stage.ask(get("/"));
    peer.reset();
    stage.sim.drive();
    assert.deepEqual(told, ["request: AbortError", "context: AbortError"]);
    assert.equal(stage.exchanges[0]?.status, 499);
    await stage.close();
  });

  it("is told of in the trace of a request that failed by it", async () => {
    const never = () => new Promise(() => {});
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { onRequest: () => undefined, decide: never } } as never],
      trace: { sample: "0%" },
    });
    stage.ask(get("/"));
    stage.sim.advance(1_200);
    const [hook, ...others] = stage.proxy.traces()[0]?.hooks ?? [];
    assert.deepEqual([hook?.hook, hook?.outcome, others], ["routes[0].decide", "timeout", []]);
    assert.ok(Math.abs(hook!.tookMs - 1_050) <= 100, String(hook!.tookMs));
    await stage.close();
  });

  it("is told of in the trace of a request that ended while they were still thinking", async () => {
    const never = () => new Promise(() => {});
    for (const end of ["client", "stop"]) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { decide: { run: never, timeout: "60s" } } } as never],
        trace: { sample: "0%" },
      });
      const peer = stage.ask(get("/"));
      stage.sim.advance(300);
      if (end === "client") peer.reset();
      else void stage.proxy.stop();
      stage.sim.advance(100);
      const hooks = stage.proxy.traces()[0]?.hooks ?? [];
      assert.deepEqual(
        hooks.map(({ hook, outcome }) => [hook, outcome]),
        [["routes[0].decide", "unanswered"]],
        end,
      );
      assert.ok(hooks[0]!.tookMs >= 250 && hooks[0]!.tookMs <= 500, `${end} after ${hooks[0]!.tookMs}`);
      await stage.close();
    }
  });

  it("is told of in a trace by how it failed, and not as a call while it rests", async () => {
    for (const [decide, outcome] of [
      [() => 5, "nonsense"],
      [() => Promise.reject(new Error("boom")), "threw"],
    ] as const) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { decide } } as never],
        trace: { sample: "0%" },
      });
      for (let i = 0; i <= HOOK_BREAKER_FAILURES_MIN; i++) {
        stage.ask(get("/"));
        await stage.sim.settle();
      }
      const reasons = stage.proxy.traces().map((trace) => trace.fault?.reason ?? "");
      assert.match(reasons[0]!, /^the hook routes\[0\]\.decide rests: it failed too often/);
      assert.match(reasons.at(-1)!, /^the hook routes\[0\]\.decide (threw|answered nonsense)$/);
      const outcomes = stage.proxy.traces().flatMap((trace) => trace.hooks.map((each) => each.outcome));
      assert.deepEqual([...new Set(outcomes)], ["rested", outcome]);
      await stage.close();
    }
  });

  it("that chose a target which is not allowed is told of with it, once", async () => {
    for (const [target, told] of [
      ["http://10.0.0.1", "http://10.0.0.1:80"],
      ["http://[fd00::1]:81/", "http://[fd00::1]:81"],
    ]) {
      const stage = await stageWith({ routes: [{ upstream: "app", hooks: { decide: () => ({ target }) } } as never] });
      stage.ask(get("/"));
      const [notice, ...others] = stage.notices;
      assert.ok(notice?.kind === "target-refused" && others.length === 0);
      assert.deepEqual([notice.hook, notice.target], ["routes[0].decide", told]);
      assert.equal(notice.requestId, stage.exchanges[0]?.requestId);
      assert.equal(stage.proxy.hookStates()[0]?.failures, 0);
      await stage.close();
    }
  });

  it("is told of as it was asked, whatever hooks have made of it", async () => {
    const stage = await stageWith({
      routes: [{ id: "h2", upstream: "app" }],
      trace: { sample: "100%" },
      hooks: { onRequest: () => ({ path: "/secret/y", query: "z", host: "h2.example" }) },
      script: { onRequest: () => OK },
    });
    stage.ask("GET /x?q HTTP/1.1\r\nHost: orig.example\r\n\r\n");
    const [trace] = stage.proxy.traces();
    assert.deepEqual([trace?.host, trace?.path, trace?.rewrittenPath], ["orig.example", "/x", "/secret/y"]);
    const { host, target } = stage.exchanges[0]!;
    assert.deepEqual([host, target], ["orig.example", "/x?q"]);
    await stage.close();
  });

  it("does not rest for what clients send that no Request may hold", async () => {
    const onRequest: OnRequest = (request) => void request.toRequest();
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { onRequest } }],
      script: { onRequest: () => OK },
    });
    const statuses: string[] = [];
    for (const head of ["GET / HTTP/1.1\r\nHost: 1.2.3.4.5", "TRACK / HTTP/1.1\r\nHost: a"]) {
      for (let i = 0; i <= HOOK_BREAKER_FAILURES_MIN; i++)
        statuses.push(stage.ask(`${head}\r\n\r\n`).text().slice(9, 12));
    }
    assert.deepEqual([...new Set(statuses)], ["503"]);
    assert.match(stage.ask(get("/")).text(), /^HTTP\/1.1 200/);
    const [hook] = stage.proxy.hookStates();
    assert.deepEqual([hook?.isResting, hook?.failuresByKind.threw], [false, statuses.length]);
    await stage.close();
  });

  it("is told of in the trace of a 5xx that it answered", async () => {
    for (const answer of [{ deny: 503 }, new Response("x", { status: 500 })]) {
      const stage = await stageWith({
        routes: [{ upstream: "app", hooks: { onRequest: () => answer } } as never],
        trace: { sample: "0%" },
      });
      stage.ask(get("/"));
      await stage.sim.settle();
      const hooks = stage.proxy.traces().flatMap((trace) => trace.hooks);
      assert.deepEqual(
        hooks.map(({ hook, outcome }) => [hook, outcome]),
        [["routes[0].onRequest", "answered"]],
      );
      await stage.close();
    }
  });

  it("may be ended by them: nothing goes on", async () => {
    for (const wait of [false, true]) {
      const stop = (): undefined | Promise<undefined> => {
        void stage.proxy.stop();
        return wait ? Promise.resolve(undefined) : undefined;
      };
      const stage = await stageWith({ routes: [{ upstream: "app", hooks: { onRequest: stop } } as never] });
      stage.ask(get("/"));
      await stage.sim.settle();
      stage.sim.drive();
      assert.deepEqual([stage.exchanges.length, stage.origin.links.length], [1, 0]);
      await stage.close();
    }
  });
});
