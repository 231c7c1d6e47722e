import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import type { Trace, TraceTry } from "../../core/observe/trace.ts";
import { formatTraceJson } from "../../core/observe/trace-text.ts";
import type { OriginScript } from "../../testing/origin.ts";
import { address, BUSY, HANGS, IS_BUSY, RESETS, type Several, severalWith } from "./several.ts";
import { GET, LISTEN, OK, ok, post, responsesTo, type StageOptions, statusesTo } from "./stage.ts";

/** What is kept of requests that failed, and of a sample of the others. */

let all: Several;
afterEach(async () => {
  const failed = all.stage.exchanges.filter(({ fault, status }) => fault !== "" || status >= 500);
  const kept = all.stage.proxy.traces({ failed: true }).filter(({ fault }) => fault?.code !== "client.bare-lf");
  await all.close();
  if (all.stage.engine.traceRing.isOn)
    assert.deepEqual(
      kept.map(({ requestId }) => requestId).sort(),
      failed.map(({ requestId }) => requestId).sort(),
      "one for each that failed",
    );
});

const NONE: StageOptions = { trace: { sample: "0%" } };
const ALL: StageOptions = { trace: { sample: "100%" } };
/** Port 1 of the simulation: nobody listens. */
const DEAD = "127.0.0.1:1";

/** The only one. */
function trace(): Trace {
  const traces = all.stage.proxy.traces();
  assert.equal(traces.length, 1, JSON.stringify(traces, null, 1));
  assert.equal(all.stage.proxy.trace(traces[0]!.requestId), traces[0]);
  assert.equal(all.stage.exchanges[0]?.requestId, traces[0]!.requestId);
  return traces[0]!;
}

const shown = ({ server, cause, status, fault, next }: TraceTry): string =>
  [server.replace("127.0.0.1:", ""), cause, fault || status, next?.decision, next?.why].filter(Boolean).join(" ");
const triesIn = ({ tries }: Trace): string[] => tries.map(shown);
const skippedIn = (each: TraceTry | undefined): string[] =>
  each!.skipped.servers.map(({ server, reason }) => `${server.replace("127.0.0.1:", "")} ${reason}`);

describe("the trace of a request that failed", () => {
  it("shows each try of it: refused, elsewhere, and why no more", async () => {
    const servers = [DEAD, { address: "127.0.0.1:2" }];
    all = await severalWith([{}], { ...NONE, app: { servers, balance: "round-robin" } });
    all.stage.ask(GET);
    all.stage.sim.advance(100);
    const { kept, status, fault, upstream, routeId, method, host, path, clientAddress, listener } = trace();
    assert.deepEqual([kept, status, fault?.code, upstream], ["failed", 502, "upstream.connect-refused", "app"]);
    assert.deepEqual([routeId, method, host, path, listener], ["routes[0]", "GET", "a", "/", LISTEN]);
    assert.match(clientAddress, /^\d/);
    assert.deepEqual(triesIn(trace()), [
      "1 first upstream.connect-refused elsewhere",
      "2 elsewhere upstream.connect-refused none no attempts left",
    ]);
    const [first, second] = trace().tries;
    assert.deepEqual([first!.chosenBy, first!.connection, first!.sentAfterMs], ["round-robin", null, null]);
    assert.ok(first!.connectMs! > 0 && second!.beganAfterMs >= first!.endedAfterMs);
    assert.deepEqual([first!.skipped.seenAt, second!.skipped.seenAt], ["end", "choice"]);
    assert.deepEqual(skippedIn(second), ["1 tried"]);
    assert.equal(second!.next?.load.retryTokens, 3.1, "elsewhere is free");
  });

  it("has the times of a server that hangs", async () => {
    all = await severalWith([{}], { ...NONE, timeouts: { firstByte: "300ms" } });
    all.stage.ask(GET);
    Object.assign(all.servers[0]!, { script: HANGS });
    const client = all.stage.ask(GET);
    all.stage.sim.advance(500);
    assert.deepEqual(statusesTo(client), [504]);
    const [only] = all.stage.proxy.traces();
    assert.equal(shown(only!.tries[0]!), "9001 first upstream.first-byte-timeout none not in retries.on");
    const { connection, connectMs, firstByteMs, sentAfterMs, endedAfterMs, tlsMs } = only!.tries[0]!;
    assert.deepEqual([connection, connectMs, firstByteMs, sentAfterMs, tlsMs], ["reused", null, null, 0, null]);
    assert.ok(endedAfterMs >= 300 && endedAfterMs < 450, `${endedAfterMs}`);
    assert.ok(only!.durationMs >= endedAfterMs && only!.atMs > 0);
  });

  it("shows a 503 that was held and came in the end", async () => {
    all = await severalWith([IS_BUSY, IS_BUSY], NONE);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(500);
    assert.deepEqual(statusesTo(client), [503]);
    assert.deepEqual(triesIn(trace()), ["9001 first 503 anywhere", "9002 retry 503 none no attempts left"]);
    const [first, second] = trace().tries;
    assert.ok(first!.firstByteMs! >= 0 && second!.firstByteMs! > 0);
    assert.deepEqual(skippedIn(second), ["9001 tried"]);
    assert.equal(trace().fault, null);
  });

  it("says that the budget is empty, or that the request may not be sent twice", async () => {
    const budget = { share: "0%", perSecond: 0 };
    all = await severalWith([RESETS, RESETS], { ...NONE, app: { retries: { budget } } });
    all.stage.ask(GET);
    all.stage.sim.advance(100);
    assert.deepEqual(triesIn(trace()), [
      "9001 first upstream.reset none the retry budget is empty, or `breaker.retries` is reached",
    ]);
    assert.equal(trace().tries[0]!.next?.load.retryTokens, 0);
    all.stage.ask(post("x"));
    all.stage.sim.advance(100);
    assert.match(triesIn(all.stage.proxy.traces()[0]!)[0]!, /none may not be done twice$/);
  });

  it("shows a breaker that is open, with its numbers", async () => {
    all = await severalWith([HANGS], { ...NONE, app: { breaker: { inFlight: 1 } } });
    all.stage.ask(GET);
    const client = all.stage.ask(GET);
    assert.deepEqual(statusesTo(client), [503]);
    const [refused] = all.stage.proxy.traces();
    assert.deepEqual([refused!.fault?.code, refused!.tries.length], ["upstream.breaker-open", 0]);
    assert.deepEqual([refused!.load?.inFlight, refused!.load?.inFlightMax], [1, 1]);
    assert.deepEqual(refused!.skipped, { of: 1, servers: [], isCut: false, seenAt: "choice" });
  });

  it("shows a queue that is full, and one who has waited", async () => {
    const own = { pool: { queue: 1 }, timeouts: { queue: "10s" }, maxConnections: 1, ...ALL } as const;
    all = await severalWith([HANGS], own);
    all.stage.ask(GET);
    all.stage.ask(GET);
    all.stage.ask(GET);
    const [refused] = all.stage.proxy.traces();
    assert.deepEqual(
      [refused!.fault?.code, refused!.load?.queued, refused!.load?.queuedMax],
      ["upstream.queue-full", 1, 1],
    );
    assert.deepEqual(
      refused!.skipped?.servers.map(({ reason, detail }) => `${reason} ${detail}`),
      ["full 1 requests of 1"],
    );
    all.stage.sim.advance(400);
    all.servers[0]!.origin.links[0]!.peer.send(OK);
    all.stage.sim.advance(100);
    all.servers[0]!.origin.links[0]!.peer.send(OK);
    all.stage.sim.advance(100);
    const waited = all.stage.proxy.traces({ failed: false }).map(({ tries }) => tries[0]!);
    assert.deepEqual(
      waited.map(({ chosenBy, connection }) => `${chosenBy} ${connection}`),
      ["queue reused", "round-robin new"],
    );
    assert.ok(waited[0]!.waitedMs >= 400 && waited[1]!.waitedMs === 0);
  });

  it("says of each server why it was not asked when none was", async () => {
    const servers = [
      { address: address(1), state: "maintenance" as const },
      { address: address(2), state: "drain" as const },
    ];
    all = await severalWith([{}], { ...NONE, app: { servers } });
    const client = all.stage.ask(GET);
    assert.deepEqual(statusesTo(client), [503]);
    assert.deepEqual(
      trace().skipped?.servers.map(({ server, reason, detail }) => `${server} ${reason} ${detail}`),
      [`${address(1)} maintenance the configuration says so`, `${address(2)} drain the configuration says so`],
    );
  });

  it("says who is ejected, and why", async () => {
    const health = { ejection: { consecutiveFailures: 1, maxShare: "100%" } };
    all = await severalWith([RESETS, HANGS, HANGS], { ...NONE, app: { health }, timeouts: { firstByte: "200ms" } });
    all.stage.ask(GET);
    all.stage.sim.advance(800);
    const second = all.stage.proxy.traces()[0]!.tries[1];
    const [ejected] = second!.skipped.servers;
    assert.deepEqual([ejected!.server, ejected!.reason], [address(1), "ejected"]);
    assert.match(ejected!.detail, /^1 failures in a row, the last: it broke the connection off; out for/);
  });

  it("is kept when the client leaves, and shows how far the request had come", async () => {
    all = await severalWith([HANGS], NONE);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(100);
    client.reset();
    all.stage.sim.advance(100);
    const { status, fault } = trace();
    assert.deepEqual([status, fault?.code], [499, "client.reset"]);
    assert.deepEqual(triesIn(trace()), ["9001 first client.reset"]);
    assert.equal(trace().tries[0]!.connection, "new");
    assert.ok(trace().tries[0]!.connectMs! > 0 && trace().tries[0]!.endedAfterMs >= 100);
  });

  it("has the first byte of a response that broke off", async () => {
    all = await severalWith([{ onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab" }], NONE);
    all.stage.ask(GET);
    all.stage.sim.advance(300);
    all.servers[0]!.origin.links[0]!.peer.reset();
    all.stage.sim.advance(100);
    const [only] = trace().tries;
    assert.equal(shown(only!), "9001 first upstream.truncated".replace("truncated", trace().fault!.code.slice(9)));
    assert.deepEqual([only!.status, trace().responseBytes], [200, 2]);
    assert.ok(only!.firstByteMs! >= 0 && only!.firstByteMs! <= 60, `${only!.firstByteMs}`);
  });

  it("is kept of a 500 of a server, and of a 5xx of our own", async () => {
    const routes = [{ match: { path: "/own" }, respond: { status: 503 } }, { upstream: "app" }];
    const script = { onRequest: () => "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" };
    all = await severalWith([script], { ...NONE, routes });
    all.stage.ask("GET /own HTTP/1.1\r\nHost: a\r\n\r\n");
    all.stage.ask(GET);
    all.stage.sim.advance(100);
    const [server, own] = all.stage.proxy.traces();
    assert.deepEqual([own!.status, own!.fault, own!.upstream, own!.routeId], [503, null, "", "routes[0]"]);
    assert.deepEqual([server!.status, triesIn(server!)], [500, ["9001 first 500"]]);
  });

  it("is kept without a route, in the terms of the client", async () => {
    all = await severalWith([{}], { ...NONE, routes: [{ match: { host: "b" }, upstream: "app" }] });
    all.stage.ask(GET);
    const { fault, routeId, upstream, tries, skipped, load, rewrittenPath } = trace();
    assert.deepEqual([fault?.code, routeId, upstream, tries.length], ["client.no-route", "", "", 0]);
    assert.deepEqual([skipped, load, rewrittenPath], [null, null, null]);
  });

  it("is kept of what was no request at all", async () => {
    all = await severalWith([{}], NONE);
    all.stage.ask("GET /a?secret HTTP/1.1\nHost: a\n\n");
    const [refused] = all.stage.proxy.traces({ failed: true });
    assert.deepEqual([refused!.fault?.code, refused!.status], ["client.bare-lf", 400]);
    const notice = all.stage.notices.find(({ kind }) => kind === "refused") as { requestId: string };
    assert.equal(all.stage.proxy.trace(notice.requestId), refused);
  });
});

describe("the trace of a request that went well", () => {
  it("is kept when one of its tries failed", async () => {
    all = await severalWith([RESETS, {}], NONE);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(300);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(trace().kept, "retried");
    assert.deepEqual(triesIn(trace()), ["9001 first upstream.reset anywhere", "9002 retry 200"]);
    assert.equal(trace().tries[1]!.connection, "new");
  });

  it("shows a kept connection that was stale", async () => {
    let count = 0;
    const script: OriginScript = {
      onRequest(_request, { peer }) {
        if (++count !== 2) return OK;
        peer.reset();
        return null;
      },
    };
    all = await severalWith([script], NONE);
    all.stage.ask(GET);
    all.stage.ask(GET);
    all.stage.sim.advance(200);
    const [only] = all.stage.proxy.traces();
    assert.deepEqual(triesIn(only!), ["9001 first upstream.reset fresh", "9001 fresh 200"]);
    assert.deepEqual(
      only!.tries.map(({ connection, chosenBy }) => `${connection} ${chosenBy}`),
      ["reused round-robin", "new same server"],
    );
  });

  it("shows a connection that belonged to the client already", async () => {
    const script: OriginScript = { onRequest: () => ok("hello", "WWW-Authenticate: NTLM") };
    all = await severalWith([script], ALL);
    const client = all.stage.ask(GET);
    client.send(GET);
    all.stage.sim.drive();
    assert.deepEqual(
      all.stage.proxy.traces().map(({ tries }) => `${tries[0]!.connection} ${tries[0]!.chosenBy}`),
      ["bound bound connection", "new round-robin"],
    );
  });

  it("shows both tries of a hedge when it is sampled", async () => {
    all = await severalWith([HANGS, { onRequest: () => ok("second") }], { ...ALL, app: { hedge: { after: "200ms" } } });
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    assert.equal(responsesTo(client)[0]?.body, "second");
    assert.equal(trace().kept, "sampled");
    assert.deepEqual(
      triesIn(trace()),
      ["9001 first 0", "9002 hedge 200"].map((text) => text.replace(" 0", "")),
    );
  });

  it("is kept of the sample alone", async () => {
    all = await severalWith([{}], { trace: { sample: "25%" } });
    const client = all.stage.ask(GET.repeat(8));
    all.stage.sim.advance(100);
    assert.equal(statusesTo(client).length, 8);
    const kept = all.stage.proxy.traces();
    assert.deepEqual(
      kept.map(({ kept: why }) => why),
      ["sampled", "sampled"],
    );
    assert.deepEqual(
      kept.map(({ requestId }) => requestId),
      [all.stage.exchanges[7]!.requestId, all.stage.exchanges[3]!.requestId],
    );
    assert.equal(kept[0]!.tries[0]!.skipped.seenAt, "choice");
  });

  it("says what was rewritten and edited, and whom a cookie leads to", async () => {
    const routes = [
      {
        match: { path: "/api/*" },
        upstream: "app",
        rewrite: { stripPrefix: "/api" },
        request: { set: { "X-Secret": "canary" }, remove: ["cookie"] },
        response: { add: { "X-Out": "canary" } },
      },
    ];
    all = await severalWith([{}, {}], {
      ...ALL,
      routes,
      app: { sticky: { cookie: "s", secret: "0123456789abcdef" } },
    } as StageOptions);
    const client = all.stage.ask("GET /api/x?canary HTTP/1.1\r\nHost: a\r\n\r\n");
    const cookie = /^Set-Cookie: (s=[^;]+)/im.exec(client.text())![1];
    all.stage.ask(`GET /api/x HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`);
    const [kept, first] = all.stage.proxy.traces();
    assert.deepEqual([first!.path, first!.rewrittenPath], ["/api/x", "/x"]);
    assert.deepEqual(first!.edits, { request: ["X-Secret", "cookie"], response: ["X-Out"] });
    assert.deepEqual([first!.tries[0]!.chosenBy, kept!.tries[0]!.chosenBy], ["round-robin", "sticky cookie"]);
    assert.equal(first!.tries[0]!.server, kept!.tries[0]!.server);
  });

  it("ends with the tunnel after an upgrade", async () => {
    const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    all = await severalWith([{ onRequest: () => upgraded }], {
      ...ALL,
      routes: [{ upstream: "app", upgrade: true }],
    } as StageOptions);
    const client = all.stage.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    all.stage.sim.advance(500);
    assert.deepEqual(all.stage.proxy.traces(), []);
    client.end();
    all.stage.sim.advance(100);
    all.servers[0]!.origin.links[0]!.peer.end();
    all.stage.sim.advance(100);
    assert.deepEqual([trace().kept, trace().status, triesIn(trace())], ["sampled", 101, ["9001 first 101"]]);
    assert.ok(trace().durationMs >= 500);
  });
});

describe("traces", () => {
  it("never hold a query, the value of a header, or a body", async () => {
    const secret = "canary";
    const config = { ...ALL, timeouts: { firstByte: "200ms" } };
    const busy = BUSY.replace("\r\n\r\n", `\r\nX-Out: ${secret}\r\nSet-Cookie: ${secret}=1\r\n\r\n`);
    all = await severalWith([{ onRequest: () => busy }, HANGS], config);
    const fields = `Host: a\r\nAuthorization: Bearer ${secret}\r\nCookie: ${secret}=${secret}\r\nX-Key: ${secret}`;
    for (const target of [
      `/x?${secret}=${secret}`,
      `/a//b%2e?${secret}`,
      `http://a/x?${secret}`,
      `/x#${secret}`,
      `http://${secret}@a/`,
    ]) {
      all.stage.ask(`GET ${target} HTTP/1.1\r\n${fields}\r\n\r\n`);
      all.stage.ask(`PUT ${target} HTTP/1.1\r\n${fields}\r\nContent-Length: 6\r\n\r\n${secret}`);
      all.stage.ask(`GET ${target} HTTP/1.1\r\n${fields}\r\nX: \0\r\n\r\n`);
      all.stage.sim.advance(1_000);
    }
    const kept = all.stage.proxy.traces();
    assert.ok(kept.length >= 12, `${kept.length}`);
    for (const each of kept) assert.ok(!formatTraceJson(each).includes(secret), formatTraceJson(each));
    // Those that were no exchange.
    const ids = new Set(all.stage.exchanges.map(({ requestId }) => requestId));
    assert.ok(kept.some(({ requestId }) => !ids.has(requestId)));
    all.stage.proxy.traces = ({ failed }: { failed?: boolean } = {}) =>
      kept.filter((t) => ids.has(t.requestId) && (t.kept === "failed") === failed);
  });

  it("outlive a reload, which changes at once what is kept", async () => {
    all = await severalWith([{}], { trace: { sample: "0%", keep: 10 } });
    const ask = (): void => void all.stage.ask("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n");
    all.stage.ask(GET);
    for (let i = 0; i < 3; i++) ask();
    assert.equal(all.stage.proxy.traces().length, 3);
    const config = (trace: object) => {
      const compiled = compileConfig({
        listeners: [LISTEN],
        upstreams: { app: { servers: [address(1)], balance: "round-robin" } },
        routes: [{ upstream: "app" }],
        trace,
      });
      if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
      return compiled.snapshot;
    };
    const reloaded = await all.stage.sim.until(all.stage.proxy.reload(config({ sample: "100%", keep: 2 })), 10_000);
    assert.equal("changes" in reloaded && reloaded.changes.settings, true);
    assert.equal(all.stage.proxy.traces().length, 2);
    all.stage.ask(GET);
    all.stage.sim.advance(100);
    assert.equal(all.stage.proxy.traces()[0]?.kept, "sampled");
    await all.stage.sim.until(all.stage.proxy.reload(config({ keep: 0 })), 10_000);
    all.stage.ask(GET);
    ask();
    assert.deepEqual(all.stage.proxy.traces(), []);
  });
});
