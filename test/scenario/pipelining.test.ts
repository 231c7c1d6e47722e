import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  GET,
  OK,
  ok,
  patternOf,
  post,
  responsesTo,
  SILENT,
  type Stage,
  type StageOptions,
  stageWith,
  statusesTo,
} from "./stage.ts";

/** Requests that do not wait for responses: answered in order, one at a time, and bounded. */

let stage: Stage;
afterEach(() => stage.close());

const MIXED: StageOptions = {
  routes: [
    { match: { path: "/here" }, respond: { body: "here" } },
    { match: { path: "/there" }, redirect: { to: "/here" } },
    { upstream: "app" },
  ],
  script: { onRequest: ({ target, body }) => ok(`${target} ${body}`) },
};

const get = (target: string, ...fields: string[]): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;

const bodiesTo = (...args: Parameters<typeof responsesTo>): string[] => responsesTo(...args).map(({ body }) => body);

describe("pipelined requests", () => {
  for (const segments of [{ kind: "whole" }, { kind: "bytes" }, { kind: "random", bytesMax: 50 }] as const) {
    it(`are answered in order by us and by upstreams: ${segments.kind}`, async () => {
      stage = await stageWith(MIXED);
      const requests = ["/here", "/1", "/here", "/there", "/2", "/3", "/here"].map((target) => get(target));
      requests.splice(4, 0, post("body").replace("POST /", "POST /p"));
      const client = stage.ask(requests.join(""), { segments });
      stage.sim.advance(100);
      assert.deepEqual(bodiesTo(client), ["here", "/1 ", "here", "", "/p body", "/2 ", "/3 ", "here"]);
      assert.equal(stage.exchanges.length, 8);
    });
  }

  it("reach the upstream one at a time", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(get("/1") + get("/2") + get("/3"));
    for (let n = 1; n <= 3; n++) {
      assert.equal(stage.origin.requests.length, n);
      stage.origin.links[0]?.peer.send(ok(`${n}`));
      stage.sim.drive();
    }
    assert.deepEqual(bodiesTo(client), ["1", "2", "3"]);
    assert.equal(stage.origin.links.length, 1);
  });

  it("of a client that never reads stay in its kernel: 10,000 answered by us", async () => {
    stage = await stageWith({
      routes: [{ respond: { body: "x".repeat(100) } }],
      limits: { minimumRate: 0 },
      kernelBytesMax: 16_384,
    });
    const client = stage.client();
    client.stopReading();
    client.send(get("/").repeat(10_000));
    stage.sim.advance(1_000);
    assert.ok(stage.exchanges.length < 2_500, `${stage.exchanges.length} answered`);
    client.readOn();
    stage.sim.advance(5_000);
    assert.equal(stage.exchanges.length, 10_000);
    assert.equal(statusesTo(client).length, 10_000);
  });

  it("of a client that never reads stay in its kernel: 10,000 for the upstream", async () => {
    stage = await stageWith({
      limits: { minimumRate: 0 },
      kernelBytesMax: 16_384,
      script: { onRequest: () => ok(patternOf(1_000)) },
    });
    const client = stage.client();
    client.stopReading();
    client.send(get("/").repeat(10_000));
    stage.sim.advance(1_000);
    assert.ok(stage.exchanges.length < 400, `${stage.exchanges.length} answered`);
    stage.sim.advance(60_000);
    assert.equal(stage.proxy.connectionCount, 0);
  });

  it("of a client that reads do not pile up on the stack: 10,000", async () => {
    stage = await stageWith({ routes: [{ respond: { body: "" } }] });
    const client = stage.ask(get("/").repeat(10_000));
    stage.sim.advance(1_000);
    assert.equal(statusesTo(client).length, 10_000);
  });

  it("behind Connection: close are not answered", async () => {
    stage = await stageWith(MIXED);
    const client = stage.ask(get("/1") + get("/2", "Connection: close") + get("/3"));
    stage.sim.advance(3_000);
    assert.deepEqual(bodiesTo(client), ["/1 ", "/2 "]);
    assert.equal(client.closed, "end");
    assert.equal(stage.exchanges.length, 2);
  });

  it("behind a bad one are not answered", async () => {
    stage = await stageWith(MIXED);
    const client = stage.ask(`${get("/1")}GET  /2 HTTP/1.1\r\nHost: a\r\n\r\n${get("/3")}`);
    stage.sim.advance(3_000);
    assert.deepEqual(statusesTo(client), [200, 400]);
    assert.equal(stage.exchanges.length, 1);
    assert.equal(stage.notices.length, 1);
  });

  it("behind a response that was cut are not answered", async () => {
    stage = await stageWith({ script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" } });
    const client = stage.ask(get("/1") + get("/2"));
    stage.origin.links[0]?.peer.end();
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), []);
    assert.notEqual(client.closed, null);
    assert.equal(stage.exchanges.length, 1);
  });

  it("behind an upgrade that is refused are answered", async () => {
    stage = await stageWith({ script: { onRequest: ({ target }) => ok(target) } });
    const client = stage.ask(get("/up", "Connection: Upgrade", "Upgrade: foo") + get("/next"));
    assert.deepEqual(bodiesTo(client), ["/up", "/next"]);
  });

  it("whose upstream closes each time are answered all the same", async () => {
    stage = await stageWith({ script: { onRequest: ({ target }) => ok(target, "Connection: close") } });
    const client = stage.ask([1, 2, 3].map((n) => get(`/${n}`)).join(""));
    assert.deepEqual(bodiesTo(client), ["/1", "/2", "/3"]);
    assert.equal(stage.origin.links.length, 3);
  });
});

describe("a client that has sent all it wants to (half-close)", () => {
  it("gets its answer", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.client({ keepsHalfOpen: true });
    client.send(GET);
    client.end();
    stage.sim.advance(10_000);
    stage.origin.links[0]?.peer.send(ok(patternOf(300_000)));
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(client.closed, "end");
    assert.deepEqual(
      stage.exchanges.map(({ fault }) => fault),
      [""],
    );
  });

  for (const segments of [{ kind: "whole" }, { kind: "bytes" }] as const) {
    it(`gets the answers to all it sent before: ${segments.kind}`, async () => {
      stage = await stageWith(MIXED);
      const client = stage.client({ keepsHalfOpen: true, segments });
      client.send(["/1", "/here", "/2"].map((target) => get(target)).join(""));
      client.end();
      stage.sim.advance(3_000);
      assert.deepEqual(bodiesTo(client), ["/1 ", "here", "/2 "]);
      assert.equal(client.closed, "end");
    });
  }

  it("gets no answer to half a request", async () => {
    stage = await stageWith(MIXED);
    const client = stage.client({ keepsHalfOpen: true });
    client.send(`${get("/1")}GET /2 HTT`);
    client.end();
    stage.sim.advance(3_000);
    assert.deepEqual(bodiesTo(client), ["/1 "]);
    assert.equal(client.closed, "end");
  });

  it("and resets later is noticed", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.client({ keepsHalfOpen: true });
    client.send(GET);
    client.end();
    stage.sim.drive();
    assert.equal(stage.exchanges.length, 0);
    client.reset();
    stage.sim.drive();
    assert.equal(stage.exchanges.length, 1);
  });
});

describe("HTTP/1.0", () => {
  const get10 = (target: string, ...fields: string[]): string => get(target, ...fields).replace("HTTP/1.1", "HTTP/1.0");

  it("closes after the response", async () => {
    stage = await stageWith(MIXED);
    const client = stage.ask(get10("/1") + get10("/2"));
    stage.sim.advance(3_000);
    assert.deepEqual(bodiesTo(client), ["/1 "]);
    assert.equal(client.closed, "end");
    assert.match(client.text(), /\r\nConnection: close\r\n/);
  });

  it("keeps the connection when asked to, and says so", async () => {
    stage = await stageWith(MIXED);
    const client = stage.ask(get10("/1", "Connection: keep-alive") + get10("/2"));
    stage.sim.advance(3_000);
    assert.deepEqual(bodiesTo(client), ["/1 ", "/2 "]);
    assert.match(client.text(), /\r\nConnection: keep-alive\r\n[\s\S]*\r\nConnection: close\r\n/);
    assert.equal(client.closed, "end");
  });

  it("gets a chunked response without chunks, ended by the connection", async () => {
    const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stage = await stageWith({ script: { onRequest: () => chunks } });
    const client = stage.ask(get10("/", "Connection: keep-alive"));
    stage.sim.advance(3_000);
    assert.match(client.text(), /\r\n\r\nabcde$/);
    assert.doesNotMatch(client.text(), /chunked|keep-alive/i);
    assert.equal(client.closed, "end");
  });

  it("sees a chunked response that broke off as a reset, not as an end", async () => {
    stage = await stageWith({
      script: { onRequest: () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" },
    });
    const client = stage.ask(get10("/"));
    stage.origin.links[0]?.peer.end();
    stage.sim.drive();
    assert.equal(client.closed, "reset");
  });

  it("sees no interim response", async () => {
    stage = await stageWith({ script: { onRequest: () => `HTTP/1.1 103 Early Hints\r\n\r\n${OK}` } });
    const client = stage.ask(get10("/"));
    assert.doesNotMatch(client.text(), / 103 /);
    assert.deepEqual(statusesTo(client), [200]);
  });
});

describe("a first line of empty lines", () => {
  it("is passed over between pipelined requests, in whatever pieces", async () => {
    for (const segments of [{ kind: "whole" }, { kind: "bytes" }] as const) {
      stage = await stageWith(MIXED);
      const client = stage.ask(`\r\n${get("/1")}\r\n\r\n${get("/2")}`, { segments });
      stage.sim.advance(100);
      assert.deepEqual(bodiesTo(client), ["/1 ", "/2 "]);
      if (segments.kind === "whole") await stage.close();
    }
  });
});
