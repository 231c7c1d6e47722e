import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { GET, OK, ok, post, responsesTo, SILENT, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Which upstream connection serves whom, and which is never used again (group P). */

let stage: Stage;
afterEach(() => stage.close());

const idle = (): number => stage.endpoint.connections.idleCount;
const count = (): number => stage.endpoint.connections.count;

describe("the pool of a server", () => {
  it("lends the connection that was used last", async () => {
    stage = await stageWith({ script: SILENT });
    for (let i = 0; i < 3; i++) stage.ask(GET);
    for (const number of [1, 3, 2]) {
      stage.origin.links[number - 1]?.peer.send(OK);
      stage.sim.drive();
    }
    stage.script = {};
    for (let i = 0; i < 3; i++) stage.ask(GET);
    assert.deepEqual(
      stage.origin.requests.slice(3).map(({ link }) => link.number),
      [2, 2, 2],
    );
  });

  it("serves many clients over one connection, one after the other", async () => {
    stage = await stageWith({ script: { onRequest: ({ target }) => ok(target) } });
    for (let i = 0; i < 20; i++) {
      const [answer] = responsesTo(stage.ask(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
      assert.equal(answer?.body, `/${i}`);
    }
    assert.equal(stage.origin.links.length, 1);
  });

  for (const [why, response] of [
    ["says Connection: close", ok("ok", "Connection: close")],
    ["speaks HTTP/1.0", OK.replace("1.1", "1.0")],
    ["sends more than the length", `${OK}x`],
    ["sends a second response", `${OK}${OK}`],
    ["ends the body with the connection", "HTTP/1.1 200 OK\r\n\r\nok"],
    ["announces a body behind 204", "HTTP/1.1 204 No Content\r\nContent-Length: 44\r\n\r\n"],
    ["sends 205 without a length", "HTTP/1.1 205 Reset Content\r\n\r\n"],
    ["sends 205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok"],
  ] as const) {
    it(`keeps no connection of a server that ${why}`, async () => {
      stage = await stageWith({
        script: {
          onRequest(_request, link) {
            link.peer.send(response);
            if (response.endsWith("\r\n\r\nok") && !response.includes("Content-Length")) link.peer.end();
            return null;
          },
        },
      });
      const client = stage.ask(GET);
      assert.match(client.text(), /^HTTP\/1.1 20[045]/);
      assert.equal(count(), 0);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null);
      client.send(GET);
      stage.sim.drive();
      assert.equal(stage.origin.links.length, 2);
      assert.equal(statusesTo(client).length, 2);
    });
  }

  it("keeps the connection of an HTTP/1.0 server that says keep-alive", async () => {
    stage = await stageWith({ script: { onRequest: () => ok("ok", "Connection: keep-alive").replace("1.1", "1.0") } });
    stage.ask(GET);
    assert.equal(idle(), 1);
  });

  for (const status of ["204 No Content", "304 Not Modified", "200 OK"]) {
    it(`keeps the connection after a response without a body: ${status} to HEAD`, async () => {
      stage = await stageWith({ script: { onRequest: () => `HTTP/1.1 ${status}\r\nETag: "1"\r\n\r\n` } });
      const client = stage.ask(GET.replace("GET", "HEAD"));
      assert.deepEqual(statusesTo(client, ["HEAD"]), [Number.parseInt(status, 10)]);
      assert.equal(idle(), 1);
    });
  }

  it("drops a connection on which something comes unasked", async () => {
    stage = await stageWith();
    stage.ask(GET);
    stage.origin.links[0]?.peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    stage.sim.drive();
    assert.equal(count(), 0);
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
  });

  it("drops a connection that the server resets", async () => {
    stage = await stageWith();
    stage.ask(GET);
    stage.origin.links[0]?.peer.reset();
    stage.sim.drive();
    assert.equal(count(), 0);
  });

  it("never takes bytes that were there before the request for its answer", async () => {
    stage = await stageWith({ latencyMs: [1, 1] });
    stage.ask(GET);
    stage.script = { onRequest: ({ target }) => ok(target) };
    stage.origin.links[0]?.peer.send(ok("evil"));
    const client = stage.ask("GET /mine HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.sim.advance(100);
    assert.doesNotMatch(client.text(), /evil/);
    assert.deepEqual(
      responsesTo(client).map(({ body }) => body),
      ["/mine"],
    );
  });
});

describe("a connection that authenticates a client", () => {
  const CHALLENGE = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
  const ask = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Negotiate abc\r\n\r\n";

  for (const [how, response, request] of [
    ["the server's challenge", CHALLENGE, GET],
    ["the client's credentials", OK, ask],
  ] as const) {
    it(`serves that client only: ${how}`, async () => {
      stage = await stageWith({ script: { onRequest: () => response } });
      const first = stage.ask(request);
      assert.deepEqual([count(), idle()], [1, 0]);
      stage.script = {};
      stage.ask(GET);
      assert.equal(stage.origin.links.length, 2);
      first.send(GET);
      stage.sim.drive();
      assert.equal(stage.origin.requests.at(-1)?.link.number, 1);
      first.reset();
      stage.sim.drive();
      assert.notEqual(stage.origin.links[0]?.peer.closed, null, "and goes with it");
      assert.deepEqual([count(), idle()], [1, 1]);
    });
  }

  it("is closed when it has rested for too long, and nobody minds", async () => {
    stage = await stageWith({ script: { onRequest: () => CHALLENGE } });
    const client = stage.ask(GET);
    stage.after(60_000, () => stage.origin.links[0]?.peer.closed === "end");
    stage.script = {};
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [401, 200]);
  });

  it("is tried again on a fresh one when it was stale", async () => {
    stage = await stageWith({ script: { onRequest: () => CHALLENGE } });
    const client = stage.ask(GET);
    stage.script = {
      onRequest(_request, link) {
        if (link.number > 1) return OK;
        link.peer.end();
        return null;
      },
    };
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [401, 200]);
  });
});

describe("a server with a limit of connections", () => {
  it("hands a freed connection to who waits longest, in order", async () => {
    stage = await stageWith({ maxConnections: 2, script: SILENT });
    const clients = Array.from({ length: 6 }, (_, i) => stage.ask(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
    assert.equal(stage.origin.requests.length, 2);
    for (let i = 0; i < 6; i++) {
      const request = stage.origin.requests[i];
      assert.equal(request?.target, `/${i}`);
      request?.link.peer.send(ok(`${i}`));
      stage.sim.drive();
    }
    assert.deepEqual(
      clients.map((client) => responsesTo(client)[0]?.body),
      ["0", "1", "2", "3", "4", "5"],
    );
    assert.equal(stage.origin.links.length, 2);
  });

  it("makes a new connection for who waits when the freed one cannot be used again", async () => {
    stage = await stageWith({
      maxConnections: 1,
      script: { onRequest: ({ target }) => ok(target, "Connection: close") },
    });
    const clients = Array.from({ length: 4 }, (_, i) => {
      const client = stage.client();
      client.send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return client;
    });
    stage.sim.drive();
    assert.deepEqual(
      clients.map((client) => responsesTo(client)[0]?.body),
      ["/0", "/1", "/2", "/3"],
    );
    assert.equal(stage.origin.links.length, 4);
  });

  it("tries for who waits when a connect failed", async () => {
    stage = await stageWith({ maxConnections: 1 });
    stage.sim.hang("127.0.0.1:9001");
    const first = stage.ask(GET);
    stage.sim.advance(1_000);
    const second = stage.ask(GET);
    stage.sim.restore("127.0.0.1:9001");
    stage.sim.advance(2_200);
    assert.deepEqual([statusesTo(first), statusesTo(second)], [[504], [200]]);
  });

  it("fails all who wait, one by one, when nobody listens", async () => {
    stage = await stageWith({ maxConnections: 1 });
    stage.sim.failConnect("127.0.0.1:9001", "ECONNREFUSED");
    const clients = Array.from({ length: 5 }, () => {
      const client = stage.client();
      client.send(GET);
      return client;
    });
    stage.sim.drive();
    for (const client of clients) assert.deepEqual(statusesTo(client), [502]);
  });

  it("gives the connection of who went away while connecting to who waits", async () => {
    stage = await stageWith({ maxConnections: 1, latencyMs: [1, 1] });
    const gone = stage.client();
    const waiting = stage.client();
    gone.send(GET);
    waiting.send(GET);
    stage.sim.advance(3.5);
    gone.reset();
    stage.sim.drive();
    assert.deepEqual(statusesTo(waiting), [200]);
    assert.equal(stage.origin.links.length, 1);
    assert.equal(stage.origin.requests.length, 1);
  });

  it("keeps one upload and one that waits apart", async () => {
    stage = await stageWith({ maxConnections: 1, script: { onRequest: ({ body }) => ok(body) } });
    const slow = stage.ask(post("first").slice(0, -2));
    const waiting = stage.ask(post("second"));
    stage.sim.advance(1_000);
    slow.send("st");
    stage.sim.drive();
    assert.deepEqual(
      [slow, waiting].map((client) => responsesTo(client)[0]?.body),
      ["first", "second"],
    );
  });
});
