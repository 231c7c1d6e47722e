import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { GET, LISTEN, ok, responsesTo, SILENT, type Stage, stageWith, statusesTo } from "../../scenario/stage.ts";

let stage: Stage;
afterEach(() => stage.close());

describe("a session", () => {
  it("gives each of its requests an exchange", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    client.send(GET + GET);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200, 200, 200]);
    assert.equal(stage.exchanges.length, 3);
  });

  it("answers what is no request, and tells of it with the same id", async () => {
    stage = await stageWith();
    const client = stage.ask("GET / HTTP/9.9\r\nHost: a\r\n\r\n");
    const [answer] = responsesTo(client);
    const [notice] = stage.notices;
    assert.ok(notice?.kind === "refused");
    const { listener, clientAddress, fault, requestId } = notice;
    assert.deepEqual([listener, clientAddress], [LISTEN, "127.0.0.1"]);
    assert.equal(answer?.status, fault.status);
    assert.equal(answer?.body, `${fault.status} ${answer?.reason}\n${fault.code}\nrequest ${requestId}\n`);
    assert.equal(stage.exchanges.length, 0);
  });

  it("answers a HEAD that breaks the rules without a body (RFC 9110 section 9.3.2)", async () => {
    stage = await stageWith();
    for (const request of ["HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"])
      assert.match(stage.ask(request).text(), /^HTTP\/1\.1 400 .*\r\nContent-Length: .*\r\n\r\n$/s);
  });

  it("tells as much of a refused request as was read, and nothing of one before", async () => {
    stage = await stageWith({ limits: { target: 64 }, timeouts: { requestHead: "1s" } });
    for (const [request, method, target] of [
      ["PUT /a?b HTTP/9.9\r\nHost: a\r\n\r\n", "PUT", "/a?b"],
      ["GET /a HTTP/1.1\r\n\r\n", "GET", "/a"],
      ["QUERY /a HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n", "QUERY", "/a"],
      ["GET /a\u0001b HTTP/1.1\r\n\r\n", "GET", ""],
      [`GET /${"x".repeat(70)} HTTP/1.1\r\n\r\n`, "GET", ""],
      ["G\u0001T /a HTTP/1.1\r\n\r\n", "", ""],
      ["\u0016\u0003\u0001\n", "", ""],
    ] as const) {
      // Its head is used again for the next one.
      assert.equal(statusesTo(stage.ask("GET /somebody?else=1 HTTP/1.1\r\nHost: a\r\n\r\n")).length, 1);
      stage.ask(request);
      const notice = stage.notices.at(-1);
      assert.ok(notice?.kind === "refused");
      assert.deepEqual([notice.method, notice.target], [method, target], JSON.stringify(request));
    }
    const slow = stage.ask("GET /slow HTTP/1.1\r\nHost");
    stage.after(1_000, () => statusesTo(slow).length > 0);
    const notice = stage.notices.at(-1);
    assert.ok(notice?.kind === "refused" && notice.target === "/slow");
  });

  it("goes by the server's limits and deadlines between requests", async () => {
    stage = await stageWith({ limits: { target: 64 }, timeouts: { keepAliveIdle: "2s", requestHead: "1s" } });
    assert.deepEqual(statusesTo(stage.ask(`GET /${"x".repeat(70)} HTTP/1.1\r\nHost: a\r\n\r\n`)), [414]);
    const client = stage.ask(GET);
    stage.after(2_000, () => client.closed !== null);
  });

  it("says close on every response while the proxy drains", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(GET);
    void stage.proxy.drain();
    stage.origin.links[0]?.peer.send(ok("x"));
    stage.sim.drive();
    assert.match(client.text(), /\r\nConnection: close\r\n/);
  });

  it("takes a connection that was bound to it along", async () => {
    stage = await stageWith({ script: { onRequest: () => ok("x", "WWW-Authenticate: Negotiate") } });
    const client = stage.ask(GET);
    assert.deepEqual([stage.endpoint.connections.count, stage.endpoint.connections.idleCount], [1, 0]);
    client.end();
    stage.sim.drive();
    assert.equal(stage.endpoint.connections.count, 0);
  });
});
