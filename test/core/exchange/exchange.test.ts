import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { Exchange } from "../../../core/exchange/exchange.ts";
import { LINGER_BYTES_MAX } from "../../../core/limits.ts";
import {
  GET,
  OK,
  ok,
  post,
  responsesTo,
  SILENT,
  type Stage,
  stageWith,
  statusesTo,
  UPSTREAM,
} from "../../scenario/stage.ts";

/** The steps of a request, each with what it leaves in the record. The long stories are in test/scenario. */

let stage: Stage;
afterEach(() => stage.close());

const get = (target: string, ...fields: string[]): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;

const record = () => {
  const [exchange] = stage.exchanges;
  assert.ok(exchange);
  const { method, target, status, fault, attempts, requestBytes, responseBytes } = exchange;
  return { method, target, status, fault, attempts, requestBytes, responseBytes };
};

describe("a request that we answer ourselves", () => {
  for (const [name, routes, target, status, fault] of [
    ["no route", [{ match: { path: "/x" }, upstream: "app" }], "/y", 404, "client.no-route"],
    ["a path with a bad escape", [{ match: { path: "/x/*" }, upstream: "app" }], "/x/%zz", 400, "client.bad-path"],
    ["a fixed response", [{ respond: { status: 418, body: "tea" } }], "/", 418, ""],
    ["a redirect", [{ redirect: { to: "/new${request.path}", status: 308 } }], "/old", 308, ""],
  ] as const) {
    it(`for ${name}`, async () => {
      stage = await stageWith({ routes: routes as never });
      const client = stage.ask(get(target));
      assert.deepEqual(statusesTo(client), [status]);
      assert.deepEqual([record().status, record().fault, record().attempts], [status, fault, 0]);
      if (status === 308) assert.match(client.text(), /\r\nLocation: \/new\/old\r\n/);
      assert.equal(stage.origin.links.length, 0);
      assert.equal(client.closed, status === 400 ? "end" : null, "the connection lives on unless the client erred");
    });
  }

  it("with a body, which is read away, or ends the connection where it is large", async () => {
    for (const [body, closed] of [
      ["body", null],
      ["x".repeat(LINGER_BYTES_MAX + 1), "end"],
    ] as const) {
      stage = await stageWith({ routes: [{ respond: { body: "x" } }] });
      const client = stage.ask(post(body));
      stage.sim.advance(3_000);
      assert.deepEqual(statusesTo(client), [200]);
      assert.equal(client.closed, closed);
      await stage.close();
    }
    stage = await stageWith();
  });

  it("in the client's language, with the id of the log", async () => {
    stage = await stageWith({ routes: [{ match: { path: "/x" }, upstream: "app" }] });
    const [text] = responsesTo(stage.ask(get("/")));
    const [json] = responsesTo(stage.ask(get("/", "Accept: application/json")));
    assert.equal(text?.body, `404 Not Found\nclient.no-route\nrequest ${stage.exchanges[0]?.requestId}\n`);
    assert.equal(JSON.parse(json?.body ?? "").requestId, stage.exchanges[1]?.requestId);
  });
});

describe("a request that goes to an upstream", () => {
  it("is recorded with what went each way", async () => {
    stage = await stageWith({ script: { onRequest: () => ok("response") } });
    stage.ask(post("request body"));
    assert.deepEqual(record(), {
      method: "POST",
      target: "/",
      status: 200,
      fault: "",
      attempts: 1,
      requestBytes: 12,
      responseBytes: 8,
    });
  });

  it("takes the time it takes", async () => {
    stage = await stageWith({ script: SILENT });
    stage.ask(GET);
    stage.sim.advance(1_500);
    stage.origin.links[0]?.peer.send(OK);
    stage.sim.drive();
    const duration = stage.exchanges[0]?.durationMs ?? 0;
    assert.ok(duration > 1_500 && duration < 1_510, `${duration}`);
  });

  it("is in flight from its first try to its end", async () => {
    stage = await stageWith({ script: SILENT });
    stage.ask(GET);
    assert.equal(stage.endpoint.inFlight, 1);
    stage.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    stage.sim.drive();
    assert.equal(stage.endpoint.inFlight, 1);
    stage.origin.links[0]?.peer.send("k");
    stage.sim.drive();
    assert.equal(stage.endpoint.inFlight, 0);
  });

  it("is answered 502 when the upstream's reply is none", async () => {
    stage = await stageWith({ script: { onRequest: () => "nonsense\r\n\r\n" } });
    const client = stage.ask(GET);
    assert.deepEqual(statusesTo(client), [502]);
    assert.deepEqual([record().status, record().fault], [502, "upstream.bad-status-line"]);
    assert.equal(client.closed, null);
  });

  it("leaves its connection open behind a 502 when all of its body has come, and only then", async () => {
    for (const [request, closed] of [
      [post("body"), null],
      [post("", "Expect: 100-continue"), null],
      ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", null],
      ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody", "end"],
    ] as const) {
      stage = await stageWith({ script: { onRequest: () => null, onConnect: (link) => link.peer.end() } });
      const client = stage.ask(request);
      stage.sim.advance(3_000);
      assert.deepEqual(statusesTo(client), [502], request);
      assert.equal(client.closed, closed, request);
      if (closed === null) client.send(GET);
      stage.sim.advance(3_000);
      assert.deepEqual(statusesTo(client), closed === null ? [502, 502] : [502], request);
      await stage.close();
    }
  });

  it("is cut when its response breaks off, and recorded with its status and fault", async () => {
    stage = await stageWith({ script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab" } });
    const client = stage.ask(GET);
    stage.origin.links[0]?.peer.end();
    stage.sim.drive();
    assert.notEqual(client.closed, null);
    assert.deepEqual([record().status, record().fault, record().responseBytes], [200, "upstream.truncated", 2]);
  });

  it("is cut behind its head when its response turns into nonsense: none at all looks like a request that was lost", async () => {
    stage = await stageWith({ script: { onRequest: () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx" } });
    const client = stage.ask(GET);
    assert.match(client.text(), /^HTTP\/1\.1 200 OK\r\n(.+\r\n)+\r\n$/);
    assert.notEqual(client.closed, null);
    assert.deepEqual([record().status, record().fault], [200, "upstream.bad-chunk-size"]);
  });

  it("passes trailers to clients that take them, safe ones only", async () => {
    stage = await stageWith({
      script: {
        onRequest: () =>
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: b\r\n\r\n",
      },
    });
    const [with_] = responsesTo(stage.ask(get("/", "TE: trailers", "Connection: TE")));
    assert.deepEqual(with_?.trailers, [["X-Sum", "1"]]);
    const [without] = responsesTo(stage.ask(GET));
    assert.deepEqual(without?.trailers, []);
  });

  it("passes 100-continue, and waits for the body", async () => {
    stage = await stageWith({ script: { onHead: (_head, link) => link.peer.send("HTTP/1.1 100 Continue\r\n\r\n") } });
    const client = stage.ask(post("body", "Expect: 100-continue").slice(0, -4));
    assert.equal(client.text(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.origin.requests[0]?.body, "body");
  });

  it("goes by the limits and deadlines of its route", async () => {
    stage = await stageWith({
      script: SILENT,
      routes: [
        { match: { path: "/short" }, upstream: "app", timeouts: { firstByte: "1s" }, limits: { requestBody: 3 } },
        { upstream: "app" },
      ],
    });
    assert.deepEqual(statusesTo(stage.ask(post("body").replace("POST /", "POST /short"))), [413]);
    assert.deepEqual(statusesTo(stage.ask(post("body"))), []);
    const client = stage.ask(get("/short"));
    stage.after(1_000, () => statusesTo(client)[0] === 504);
  });

  it("has no body in a 205, whatever the upstream sends", async () => {
    stage = await stageWith({
      script: { onRequest: () => "HTTP/1.1 205 Reset Content\r\nContent-Length: 3\r\n\r\nabc" },
    });
    const client = stage.ask(GET);
    assert.match(client.text(), /\r\nContent-Length: 0\r\n/);
    assert.match(client.text(), /\r\n\r\n$/);
    client.send(GET);
    stage.sim.drive();
    assert.equal(statusesTo(client).length, 2);
  });
});

it("which server answers is open for what is held or waits, and not for what is asked or a program answers", async () => {
  const begun: Exchange[] = [];
  const { begin } = Exchange.prototype;
  Exchange.prototype.begin = function () {
    begun.push(this);
    begin.call(this);
  };
  const undecided = () => begun.map((exchange) => exchange.isUndecided);
  const never = () => new Promise<never>(() => {});
  const slow = new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(new Uint8Array(3)) });
  try {
    stage = await stageWith({
      script: SILENT,
      app: { servers: [{ address: UPSTREAM, maxConnections: 1 }] },
      routes: [
        { match: { path: "/decided" }, upstream: "app", hooks: { decide: never } },
        { match: { path: "/mounted" }, mount: never },
        { match: { path: "/answered" }, upstream: "app", hooks: { onRequest: () => new Response(slow) } },
        { upstream: "app" },
      ] as never,
    });
    for (const path of ["/decided", "/mounted", "/answered", "/asked", "/waits"]) stage.ask(get(path));
    await stage.sim.settle();
    assert.deepEqual(undecided(), [true, false, false, false, true]);
    stage.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin");
    stage.sim.drive();
    assert.deepEqual(undecided(), [true, false, false, false, true]);
  } finally {
    Exchange.prototype.begin = begin;
  }
});
