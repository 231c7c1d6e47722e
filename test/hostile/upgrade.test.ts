import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertHealthy, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

describe("Expect: 100-continue", () => {
  it("U01 a client that waits gets its 100, then the body goes upstream", async () => {
    const stage = await simulate("plain");
    stage.script = {
      onHead(head, link) {
        if (/\r\nExpect: 100-continue\r\n/i.test(head)) link.peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      },
      onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    };
    const client = stage.connect(WHOLE);
    client.send(POST);
    stage.sim.drive();
    assert.match(client.text(), /^HTTP\/1\.1 100 [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n$/, "exactly one 100");
    client.send("hello");
    stage.sim.drive();
    assert.deepEqual(statusesOf(client), [200]);
    assert.equal(forwardedTo(stage)[0]?.body, "hello");
    await assertHealthy(stage);
    await strike(stage, client);
  });

  for (const status of [417, 413, 401, 200]) {
    it(`U01 a final ${status} before the body: passed on, the upstream connection is not used again`, async () => {
      const stage = await simulate("plain");
      stage.script = {
        onHead: (_head, link) => link.peer.send(`HTTP/1.1 ${status} Done\r\nContent-Length: 2\r\n\r\nno`),
      };
      const client = stage.connect(WHOLE);
      client.send(POST);
      stage.sim.drive();
      assert.deepEqual(statusesOf(client), [status]);
      const [link] = stage.origin.links;
      await stage.until(() => link?.peer.closed !== null);
      assert.notEqual(link?.peer.closed, null, "the upstream connection is gone");
      stage.script = {};
      await assertHealthy(stage);
      assert.deepEqual(forwardedTo(stage), [], "no complete request was sent");
      await strike(stage, client);
    });
  }

  for (const when of ["behind the head", "after the answer"]) {
    it(`U02 a body sent ${when} of a refused expectation is never a request`, async () => {
      const stage = await simulate("plain");
      const refusal = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";
      stage.script = {
        onHead: (_head, link) => link.peer.send(refusal),
        onRequest: () => refusal,
      };
      const client = stage.connect(WHOLE);
      const head = POST.replace("Content-Length: 5", `Content-Length: ${SMUGGLED.length}`);
      if (when === "after the answer") {
        client.send(head);
        stage.sim.drive();
        client.send(SMUGGLED);
      } else client.send(head + SMUGGLED);
      stage.sim.drive();
      stage.script = {};
      client.send(SMUGGLED);
      stage.sim.advance(3_000);
      stage.sim.drive();
      const statuses = statusesOf(client);
      assert.ok(!client.text().includes('"/smuggled"') || client.closed === null, client.text());
      // The bytes of the declared body must be gone before anything is read as a request again.
      const smuggled = forwardedTo(stage).filter(({ target }) => target === "/smuggled");
      assert.ok(smuggled.length <= 1, "the body is not a request");
      assert.ok(smuggled.length === 0 || statuses.length === 2, "only the bytes behind the body are");
      assert.equal(statuses[0], 417);
      await assertHealthy(stage);
      await strike(stage, client);
    });
  }
});

const UPGRADE = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";

describe("upgrades", () => {
  it("U06 bytes behind an upgrade are held until the upstream has decided", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => null };
    const client = stage.connect(WHOLE);
    client.send(UPGRADE + SMUGGLED);
    stage.sim.drive();
    const [request] = forwardedTo(stage);
    assert.equal(request?.target, "/up");
    assert.equal(request?.link.rest, "", "nothing behind the head reached the upstream");
    assert.ok(!request?.link.raw.includes("smuggled"));
    // Not switched: what was held is the client's next request, through all rules, on another connection.
    stage.script = {};
    request?.link.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    stage.sim.drive();
    const later = forwardedTo(stage).slice(1);
    assert.ok(
      later.every(({ link }) => link !== request?.link),
      "the upgrade's connection serves nothing else",
    );
    assert.deepEqual(statusesOf(client), later.length === 1 ? [200, 200] : [200]);
    if (later.length === 0) assert.notEqual(client.closed, null);
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("U06 held bytes that are no request are refused, not tunnelled", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno" };
    const client = stage.connect(WHOLE);
    client.send(`${UPGRADE}\x00\x01\x02 binary\r\n\r\n`);
    stage.sim.drive();
    stage.script = {};
    assert.deepEqual(statusesOf(client), [200, 400]);
    assert.equal(client.closed, "end");
    assert.equal(forwardedTo(stage).length, 1);
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("U06 held bytes go into the tunnel once the upstream has switched", async () => {
    const stage = await simulate("plain");
    const tunnelled: string[] = [];
    stage.script = {
      onRequest(_request, link) {
        link.becomeTunnel();
        return "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";
      },
      onTunnel: (text) => void tunnelled.push(text),
    };
    const client = stage.connect(WHOLE);
    client.send(UPGRADE + SMUGGLED);
    stage.sim.drive();
    assert.match(client.text(), /^HTTP\/1\.1 101 /);
    assert.match(client.text(), /\r\nUpgrade: foo\r\n/i);
    assert.equal(tunnelled.join(""), SMUGGLED);
    stage.script = {};
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("U12 an upgrade on a route that forbids it is an ordinary request", async () => {
    const stage = await simulate("plain", {}, (config) => ({
      ...config,
      routes: [{ upstream: "app", upgrade: false }],
    }));
    const client = stage.connect(WHOLE);
    client.send(UPGRADE);
    stage.sim.drive();
    assert.deepEqual(statusesOf(client), [200]);
    assert.ok(!/upgrade/i.test(forwardedTo(stage)[0]?.raw ?? "upgrade"), "no trace of the upgrade goes upstream");
    await assertHealthy(stage);
    await strike(stage, client);
  });
});
