import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { LINGER_BYTES_MAX, LINGER_MS } from "../../core/limits.ts";
import { HANGS } from "./several.ts";
import { drip, GET, OK, type Stage, type StageOptions, stageWith, statusesTo } from "./stage.ts";

/** Answers before the request is complete, of servers or our own, and servers that never say that it may go on. */

let stage: Stage;
afterEach(() => stage.close());

const UPLOAD = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n";

describe("a response that begins before the upload is complete", () => {
  it("announces that the connection will not be used again", async () => {
    stage = await stageWith({ script: { onHead: (_head, link) => link.peer.send(OK) } });
    const client = stage.ask(`${UPLOAD}\r\nhalf`);
    assert.deepEqual(statusesTo(client), [200]);
    assert.match(client.text(), /\r\nConnection: close\r\n/);
  });

  it("is passed on whole, though the client stops sending (RFC 9112 section 9.5)", async () => {
    const half = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\nhalf";
    stage = await stageWith({
      script: { onHead: (_head, link) => link.peer.send(half) },
      timeouts: { requestBodyIdle: "1s" },
    });
    for (const sent of [`${UPLOAD}\r\nhalf`, `${UPLOAD}Expect: 100-continue\r\n\r\n`]) {
      const client = stage.ask(sent);
      stage.sim.advance(15_000);
      stage.origin.links.at(-1)!.peer.send("more");
      stage.sim.drive();
      assert.match(client.text(), /\r\n\r\nhalfmore$/);
    }
  });

  it("behind it says nothing of the kind", async () => {
    stage = await stageWith();
    const client = stage.ask(`${UPLOAD}\r\n${"x".repeat(100)}`);
    assert.deepEqual(statusesTo(client), [200]);
    assert.doesNotMatch(client.text(), /Connection/);
  });
});

/** What would be a request, were it not the body of one. */
const FALSE_FRIEND = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

const OURS: readonly (readonly [string, number, StageOptions])[] = [
  ["a fixed response", 401, { routes: [{ respond: { status: 401 } }] }],
  ["a redirect", 308, { routes: [{ redirect: { to: "/new", status: 308 } }] }],
  ["no route", 404, { routes: [{ match: { host: "b" }, respond: {} }] }],
  ["a denial", 403, { hooks: { onRequest: () => ({ deny: 403 }) } }],
  ["a Response of a hook", 201, { hooks: { onRequest: () => new Response("made", { status: 201 }) } }],
  ["a mounted program", 202, { routes: [{ mount: () => new Response("taken", { status: 202 }) }] }],
  ["an upstream without servers", 503, { app: { servers: [{ address: "127.0.0.1:9001", state: "drain" }] } }],
];

describe("an answer of our own to a request with a body", () => {
  const answeredBy = async (options: StageOptions, ...pieces: string[]) => {
    stage = await stageWith(options);
    const client = stage.client();
    for (const piece of pieces) {
      client.send(piece);
      await stage.sim.settle();
    }
    return client;
  };
  const chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const inChunks = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\nTrailer: 1\r\n\r\n`;
  const upload = (body: string, line = "") =>
    `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${line}\r\n`;

  for (const [what, status, options] of OURS)
    it(`keeps the connection, and reads the body away: ${what}`, async () => {
      for (const pieces of [
        [upload(FALSE_FRIEND) + FALSE_FRIEND],
        [upload(FALSE_FRIEND), FALSE_FRIEND],
        [chunked + inChunks(FALSE_FRIEND)],
        [chunked, ...inChunks(FALSE_FRIEND)],
      ]) {
        const client = await answeredBy(options, ...pieces);
        assert.deepEqual(statusesTo(client), [status]);
        client.send(GET);
        await stage.sim.settle();
        assert.deepEqual(statusesTo(client), [status, status]);
        assert.doesNotMatch(client.text(), /Connection: close/);
        assert.deepEqual(
          stage.exchanges.map(({ target }) => target),
          ["/", "/"],
        );
        await stage.close();
      }
      stage = await stageWith();
    });

  const [, , fixed] = OURS[0]!;

  it("is followed by those to pipelined requests, in order", async () => {
    const routes = [{ match: { path: "/last" }, respond: { status: 200 } }, { respond: { status: 401 } }] as const;
    const all = `${upload(FALSE_FRIEND)}${FALSE_FRIEND}${chunked}${inChunks("x")}${GET.replace("/", "/last")}`;
    for (const segments of [{ kind: "whole" }, { kind: "bytes" }] as const) {
      stage = await stageWith({ routes });
      const client = stage.ask(all, { segments });
      assert.deepEqual(statusesTo(client), [401, 401, 200]);
      await stage.close();
    }
    stage = await stageWith();
  });

  it("closes where the body is large, or the client waits to be told to send it", async () => {
    for (const head of [upload("x".repeat(LINGER_BYTES_MAX + 1)), upload("x", "Expect: 100-continue\r\n")]) {
      const client = await answeredBy(fixed, head);
      assert.match(client.text(), /\r\nConnection: close\r\n/);
      assert.equal(client.closed, "end");
      client.send(FALSE_FRIEND);
      await stage.sim.settle();
      assert.equal(stage.exchanges.length, 1);
      await stage.close();
    }
    stage = await stageWith();
  });

  it("keeps the connection up to that size", async () => {
    const body = "x".repeat(LINGER_BYTES_MAX);
    const client = await answeredBy(fixed, upload(body), body, GET);
    assert.deepEqual(statusesTo(client), [401, 401]);
  });

  it("closes behind as much of a body whose size nobody knew, and reads no request behind it", async () => {
    const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
    const client = await answeredBy(fixed, chunked, ...Array.from({ length: 18 }, () => chunk), `0\r\n\r\n${GET}`);
    assert.deepEqual(statusesTo(client), [401]);
    assert.equal(client.closed, "end");
  });

  it("closes when the rest does not come in time, however it drips", async () => {
    for (const pieces of [[], ["x"], ["x".repeat(200)]]) {
      stage = await stageWith(fixed);
      const client = stage.ask(upload("x".repeat(500)));
      const stop = drip(stage, client, pieces.join("").repeat(100), { bytes: 1, everyMs: 100 });
      stage.after(LINGER_MS, () => client.closed === "end");
      stop();
      client.send(FALSE_FRIEND);
      stage.sim.advance(10_000);
      assert.deepEqual(statusesTo(client), [401]);
      assert.equal(stage.exchanges.length, 1);
      await stage.close();
    }
    stage = await stageWith();
  });

  it("closes when the rest is broken, and says nothing more", async () => {
    const client = await answeredBy(fixed, chunked, "X\r\n", FALSE_FRIEND);
    assert.deepEqual(statusesTo(client), [401]);
    assert.equal(client.closed, "end");
    assert.equal(stage.exchanges.length, 1);
  });

  it("reaches a client that ends its half instead of sending the rest", async () => {
    stage = await stageWith(fixed);
    const client = stage.ask(upload("xx"), { keepsHalfOpen: true });
    client.send("x");
    client.end();
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [401]);
    assert.equal(client.closed, "end");
    assert.equal(stage.proxy.connectionCount, 0);
  });

  it("closes for HTTP/1.0, unless the client asked to keep the connection", async () => {
    const old = upload("ab").replace("1.1", "1.0");
    const closing = await answeredBy(fixed, old, "ab");
    assert.equal(closing.closed, "end");
    await stage.close();
    const kept = await answeredBy(fixed, old.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"), "ab", GET);
    assert.deepEqual(statusesTo(kept), [401, 401]);
    assert.match(kept.text(), /\r\nConnection: keep-alive\r\n/);
  });

  it("does not hold up a drain, which counts it as answered", async () => {
    stage = await stageWith(fixed);
    const client = stage.ask(upload("xx"));
    assert.deepEqual(statusesTo(client), [401]);
    const isComplete = await stage.sim.until(stage.proxy.drain(400), 2_000);
    assert.ok(isComplete);
    assert.equal(client.closed, "end");
  });

  it("closes behind a body that a server was already given, when the server's answer is early", async () => {
    const client = await answeredBy({ script: { onHead: (_head, link) => link.peer.send(OK) } }, upload("xx"), "x");
    assert.match(client.text(), /\r\nConnection: close\r\n/);
    assert.equal(client.closed, "end");
  });
});

describe("a client that waits for 100", () => {
  const EXPECTS = `${UPLOAD}Expect: 100-continue\r\n\r\n`;
  const timeouts = { requestBodyIdle: "2s" };

  it("is told that the server is late, not that it is late itself", async () => {
    stage = await stageWith({ script: HANGS, timeouts: { firstByte: "4s", requestBodyIdle: "1s" } });
    const client = stage.ask(EXPECTS);
    stage.after(4_000, () => statusesTo(client).length > 0);
    assert.deepEqual(statusesTo(client), [504]);
    assert.equal(stage.exchanges[0]?.fault, "upstream.first-byte-timeout");
  });

  it("may wait longer for the server than a body may stand still", async () => {
    stage = await stageWith({ script: HANGS, timeouts: { requestBodyIdle: "1s" } });
    const client = stage.ask(EXPECTS);
    stage.sim.advance(3_000);
    assert.deepEqual(statusesTo(client), []);
    stage.origin.links[0]!.peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    stage.sim.drive();
    assert.match(client.text(), /^HTTP\/1\.1 100 Continue\r\n/);
  });

  for (const [what, sent] of [
    ["does not wait, but stops", "half"],
    ["was let on", ""],
  ] as const) {
    it(`is late itself when it ${what}`, async () => {
      const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
      stage = await stageWith({ script: { onHead: (_head, link) => sent === "" && link.peer.send(goOn) }, timeouts });
      const client = stage.ask(EXPECTS + sent);
      stage.sim.advance(2_200);
      assert.deepEqual(statusesTo(client), [408]);
    });
  }
});
