import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { assertHealthy, finalsOf, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { soak } from "./soak.ts";
import { simulate } from "./stage.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const DONE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

/** The same code plays the same events everywhere: all of them on one runtime will do. */
const SOAK_SEEDS = runtimeUnderTest() === "node24" ? 10 : 2;

describe("the pool of upstream connections", () => {
  for (const cut of [SMUGGLED.length, 10, 0]) {
    it(`P01 an upstream that answers before the body, of which ${cut} bytes are sent, gets nobody else's request`, async () => {
      const stage = await simulate("plain");
      stage.script = {
        onHead: (_head, link) => link.peer.send(DONE),
        onRequest: (request) => (request.target === "/static" ? DONE : null),
      };
      const client = stage.connect(WHOLE);
      client.send(
        `POST /static HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED.slice(0, cut)}`,
      );
      stage.sim.drive();
      assert.deepEqual(statusesOf(client), [200]);
      const [link] = stage.origin.links;
      const isWhole = cut === SMUGGLED.length;
      assert.equal(forwardedTo(stage).length, isWhole ? 1 : 0);
      if (!isWhole) assert.notEqual(link?.peer.closed, null, "half a body is never completed by somebody else");
      stage.script = {};
      await assertHealthy(stage);
      assert.ok(!forwardedTo(stage).some(({ target }) => target === "/smuggled"));
      await strike(stage, client);
    });
  }

  for (const how of ["end", "reset", "destroy"] as const) {
    it(`P05 a client that leaves (${how}) in the middle of its upload takes the upstream connection along`, async () => {
      const stage = await simulate("plain");
      const client = stage.connect(WHOLE);
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
      stage.sim.drive();
      client[how]();
      stage.sim.advance(1_000);
      const [link] = stage.origin.links;
      assert.notEqual(link?.peer.closed, null, "the upstream connection is gone");
      assert.notEqual(link?.rest, "", "after half a request");
      await assertHealthy(stage);
      assert.equal(link?.requests.length, 0);
      await strike(stage, client);
    });
  }

  it("P05 a client that leaves in the middle of its download takes the upstream connection along", async () => {
    const stage = await simulate("plain");
    stage.script = { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf" };
    const client = stage.connect(WHOLE);
    client.send(GET);
    stage.sim.drive();
    client.reset();
    stage.sim.advance(1_000);
    assert.notEqual(stage.origin.links[0]?.peer.closed, null);
    stage.script = {};
    await assertHealthy(stage);
    await strike(stage, client);
  });

  const challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
  const negotiate = challenge.replace("NTLM", "Negotiate oYG2");
  for (const [name, request, reply] of [
    ["the upstream asks for NTLM", GET, challenge],
    ["the upstream asks for Negotiate", GET, negotiate],
    ["a client sends NTLM", GET.replace("\r\n\r\n", "\r\nAuthorization: NTLM TlRM\r\n\r\n"), DONE],
    ["a client sends Negotiate", GET.replace("\r\n\r\n", "\r\nAuthorization: negotiate YII\r\n\r\n"), DONE],
  ] as const) {
    it(`P08 a connection that authenticates itself serves no other client: ${name}`, async () => {
      const stage = await simulate("plain");
      stage.script = { onRequest: () => reply };
      const client = stage.connect(WHOLE);
      client.send(request);
      stage.sim.drive();
      assert.equal(statusesOf(client).length, 1);
      const [bound] = forwardedTo(stage);
      stage.script = {};
      await assertHealthy(stage);
      const other = stage.origin.requests.find(({ target }) => target.startsWith("/canary"));
      assert.notEqual(other?.link, bound?.link, "the second client uses another connection");
      await strike(stage, client);
    });
  }

  it("P10 a connection is retired a second before the upstream's own Keep-Alive timeout", async () => {
    for (const [waitedMs, number] of [
      [3_800, 1],
      [4_200, 2],
    ] as const) {
      const stage = await simulate("plain");
      stage.script = {
        onRequest: () => "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
      };
      const client = stage.connect(WHOLE);
      client.send(GET);
      stage.sim.drive();
      stage.sim.advance(waitedMs);
      client.send(GET);
      stage.sim.drive();
      assert.equal(forwardedTo(stage)[1]?.link.number, number, `after ${waitedMs} ms`);
      await strike(stage, client);
    }
  });

  it("P07 a refused request leaves its connection to nobody", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n${SMUGGLED}`);
    stage.sim.drive();
    client.send(SMUGGLED);
    stage.sim.advance(500);
    client.send(SMUGGLED);
    stage.sim.advance(5_000);
    assert.deepEqual(
      finalsOf(client).map(({ status }) => status),
      [400],
    );
    assert.deepEqual(forwardedTo(stage), []);
    await assertHealthy(stage);
    await strike(stage, client);
  });

  // In rounds of 2,000 requests, so that a slow machine sees progress; soak.ts goes on for as long as one likes.
  for (let seed = 1; seed <= SOAK_SEEDS; seed++) {
    it(`P12 nobody gets another one's answer while the rows are replayed over the same pool, seed ${seed}`, async () => {
      const report = await soak({ seed, requests: 2_000 });
      assert.equal(report.mismatches, 0);
      assert.ok(report.answered >= 2_000, `${report.answered} answered`);
      assert.ok(report.attacks >= 200, `${report.attacks} attacks`);
    });
  }
});
