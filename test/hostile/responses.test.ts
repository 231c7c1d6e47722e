import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertHealthy, finalsOf, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("responses at the wrong time", () => {
  for (const bytes of [
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    "x",
    "\r\n",
    "HTTP/1.1 408 Timeout\r\n\r\n",
  ]) {
    it(`R05 bytes on an idle connection cost it its place: ${JSON.stringify(bytes)}`, async () => {
      const stage = await simulate("plain");
      const client = stage.connect(WHOLE);
      client.send(GET);
      stage.sim.drive();
      const [idle] = stage.origin.links;
      idle?.peer.send(bytes);
      stage.sim.drive();
      assert.ok(idle?.peer.closed !== null, "the connection is gone before anybody uses it");
      client.send(GET);
      stage.sim.drive();
      assert.deepEqual(statusesOf(client), [200, 200]);
      assert.ok(!client.text().includes("evil"));
      assert.equal(forwardedTo(stage)[1]?.link.number, 2);
      await assertHealthy(stage);
      await strike(stage, client);
    });
  }

  it("R05 bytes that arrive together with the next request are not its answer", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    client.send(GET);
    stage.sim.drive();
    // Both are on their way at the same time: whoever comes first, nobody gets the wrong answer.
    stage.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    client.send("POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    stage.sim.drive();
    const second = finalsOf(client)[1];
    assert.ok(second?.status === 502 || second?.body.includes('"/second"') || second?.body === "evil", client.text());
    await assertHealthy(stage);
    await strike(stage, client);
  });

  for (const kind of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
    it(`R11 a final response while the request is under way (${kind}): passed on, the rest is drained`, async () => {
      const stage = await simulate("plain");
      stage.script = { onHead: (_head, link) => link.peer.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno") };
      const client = stage.connect(WHOLE);
      const piece = kind.startsWith("C") ? "x".repeat(10_000) : `2710\r\n${"x".repeat(10_000)}\r\n`;
      client.send(`POST / HTTP/1.1\r\nHost: a\r\n${kind}\r\n\r\n${piece}`);
      stage.sim.drive();
      assert.deepEqual(statusesOf(client), [413], "the client gets the response");
      const [link] = stage.origin.links;
      assert.notEqual(link?.peer.closed, null, "the upstream connection is not used again");
      // A client that goes on for a while still reads its answer; one that never stops is cut.
      let pieces = 0;
      for (; pieces < 100 && !client.isGone; pieces++) {
        client.send(piece);
        stage.sim.advance(100);
      }
      assert.ok(pieces < 40, `cut after ${pieces} pieces of 10 kB, 100 ms apart`);
      stage.script = {};
      assert.deepEqual(forwardedTo(stage), []);
      await assertHealthy(stage);
      await strike(stage, client);
    });
  }

  it("R03 a body until close reaches a client in chunks, and is complete only with its FIN", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => "HTTP/1.1 200 OK\r\n\r\nhello" };
    const client = stage.connect(WHOLE);
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(statusesOf(client), [], "not complete yet");
    assert.ok(client.text().includes("hello"), "but on its way");
    stage.origin.links[0]?.peer.end();
    stage.sim.drive();
    assert.equal(finalsOf(client)[0]?.body, "hello");
    stage.script = {};
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("R10 a head that never ends is given up in time", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => "HTTP/1.1 200 OK\r\n" };
    const client = stage.connect(WHOLE);
    client.send(GET);
    stage.sim.drive();
    const [link] = stage.origin.links;
    for (let second = 0; second < 120 && client.text() === ""; second++) {
      link?.peer.send("x");
      stage.sim.advance(1_000);
    }
    assert.deepEqual(statusesOf(client), [504]);
    assert.notEqual(link?.peer.closed, null);
    stage.script = {};
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("R04 nothing that follows a response reaches the next client", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil` };
    const clients = Array.from({ length: 20 }, () => stage.connect(WHOLE));
    for (const client of clients) client.send(GET);
    stage.sim.drive();
    stage.script = {};
    for (const client of clients) client.send(GET);
    stage.sim.drive();
    for (const client of clients) {
      assert.deepEqual(statusesOf(client), [200, 200]);
      assert.ok(!client.text().includes("evil"));
    }
    await assertHealthy(stage);
    await strike(stage, ...clients);
  });
});
