import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { OriginScript } from "../../testing/origin.ts";
import { BUSY, ENDS, HANGS, IS_BUSY, RESETS, type Several, severalWith } from "./several.ts";
import { drip, GET, OK, ok, patternOf, responsesTo, type StageOptions, statusesTo } from "./stage.ts";

/** A try that fails, and what follows: another server, a pause, the real answer, or nothing. */

let all: Several;
afterEach(() => all.close());

const ask = (method: string, body: string | null = null, ...fields: string[]): string => {
  const lines = [`${method} /it HTTP/1.1`, "Host: a", ...fields];
  if (body !== null) lines.push(`Content-Length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
};
const SAFE = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];
const UNSAFE = ["POST", "PATCH", "LOCK"];
const bodyOf = (method: string): string | null => (["PUT", ...UNSAFE].includes(method) ? "body" : null);
/** Longer than the longest pause. */
const PAUSE = 400;

async function play(scripts: readonly OriginScript[], request: string, options: StageOptions = {}) {
  all = await severalWith(scripts, options);
  const client = all.stage.ask(request);
  all.stage.sim.advance(PAUSE);
  return client;
}
const outcome = () => {
  const { status, fault, attempts } = all.stage.exchanges[0]!;
  return [status, fault, attempts];
};

describe("a server that accepts no connection", () => {
  for (const method of [...SAFE, ...UNSAFE]) {
    it(`A01: ${method} goes to another at once`, async () => {
      all = await severalWith([{}, {}]);
      all.stage.sim.failConnect(all.servers[0]!.address, "ECONNREFUSED");
      const client = all.stage.ask(ask(method, bodyOf(method)));
      assert.deepEqual(statusesTo(client, [method]), [200]);
      assert.deepEqual(all.arrived(), [0, 1]);
      assert.equal(all.servers[1]!.origin.requests[0]?.body, bodyOf(method) ?? "");
      assert.deepEqual(outcome(), [200, "", 2]);
      assert.ok(all.stage.exchanges[0]!.durationMs < 50);
    });
  }

  it("A02: one that never answers the connect is left after `connect`", async () => {
    all = await severalWith([{}, {}], { timeouts: { connect: "3s" } });
    all.stage.sim.hang(all.servers[0]!.address);
    const client = all.stage.ask(ask("POST", "body"));
    all.stage.after(3_000, () => statusesTo(client).length === 1);
    assert.deepEqual(outcome(), [200, "", 2]);
  });

  it("A09: when none does, says so at once, after one try each", async () => {
    all = await severalWith([{}, {}, {}], { app: { retries: { attempts: 5 } } });
    for (const { address } of all.servers) all.stage.sim.failConnect(address, "ECONNREFUSED");
    const client = all.stage.ask(GET);
    assert.deepEqual(statusesTo(client), [502]);
    assert.deepEqual(outcome(), [502, "upstream.connect-refused", 3]);
  });

  it("alone is not asked again", async () => {
    all = await severalWith([{}]);
    all.stage.sim.failConnect(all.servers[0]!.address, "ECONNREFUSED");
    assert.deepEqual(statusesTo(all.stage.ask(GET)), [502]);
    assert.deepEqual(outcome(), [502, "upstream.connect-refused", 1]);
  });
});

describe("a server that breaks off before a response, on a new connection", () => {
  for (const [how, script] of [
    ["RST", RESETS],
    ["FIN", ENDS],
  ] as const) {
    for (const method of SAFE) {
      it(`A04: ${how}: ${method} goes to another`, async () => {
        const client = await play([script, {}], ask(method, bodyOf(method)));
        assert.deepEqual(statusesTo(client, [method]), [200]);
        assert.deepEqual(all.arrived(), [1, 1]);
        assert.equal(all.servers[1]!.origin.requests[0]?.body, bodyOf(method) ?? "");
      });
    }
    for (const method of UNSAFE) {
      it(`A04: ${how}: ${method} is not sent twice`, async () => {
        const client = await play([script, {}], ask(method, "body"));
        assert.deepEqual(statusesTo(client), [502]);
        assert.deepEqual(all.arrived(), [1, 0]);
      });
    }
  }

  it("a key makes a POST one that may be done twice; an empty one does not", async () => {
    for (const [field, status] of [
      ['Idempotency-Key: "8e03978e"', 200],
      ["Idempotency-Key:", 502],
    ] as const) {
      const client = await play([RESETS, {}], ask("POST", "body", field));
      assert.deepEqual(statusesTo(client), [status]);
      if (status === 200) await all.close();
    }
  });

  it("whoever says that a POST may be sent twice gets that", async () => {
    const options = { app: { retries: { unsafeRetryNonIdempotent: true } } };
    assert.deepEqual(statusesTo(await play([RESETS, {}], ask("POST", "body"), options)), [200]);
    assert.deepEqual(all.arrived(), [1, 1]);
  });

  it("is asked again when there is no other, after a pause", async () => {
    let asked = 0;
    const once: OriginScript = {
      onRequest(_request, link) {
        if (++asked > 1) return OK;
        link.peer.reset();
        return null;
      },
    };
    all = await severalWith([once]);
    const client = all.stage.ask(GET);
    assert.equal(asked, 1);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("no more often than `attempts`, and each server once while there are others", async () => {
    for (const [attempts, arrived] of [
      [0, [1, 0, 0]],
      [1, [1, 1, 0]],
      [2, [1, 1, 1]],
    ] as const) {
      const options = { app: { retries: { attempts } } };
      const client = await play([RESETS, RESETS, RESETS], GET, options);
      all.stage.sim.advance(PAUSE);
      assert.deepEqual(statusesTo(client), [502]);
      assert.deepEqual(all.arrived(), arrived);
      if (attempts < 2) await all.close();
    }
  });

  it("half a head goes nowhere, so another may answer; after an interim response none may", async () => {
    for (const [sent, status] of [
      ["HTTP/1.1 200 O", 200],
      ["HTTP/1.1 103 Early Hints\r\n\r\n", 502],
    ] as const) {
      const script: OriginScript = {
        onRequest(_request, link) {
          link.peer.send(sent);
          link.peer.end();
          return null;
        },
      };
      assert.deepEqual(statusesTo(await play([script, {}], GET)), [status]);
      if (status === 200) await all.close();
    }
  });

  it("a 100 is no part of a response: another server may answer, and the client is told once", async () => {
    const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
    const says: OriginScript = { onHead: (_head, { peer }) => peer.send(goOn) };
    const second: OriginScript = { onRequest: () => goOn + OK };
    for (const [fails, method, status, attempts] of [
      [{ ...says, onRequest: () => BUSY }, "PUT", 200, 2],
      [{ ...says, ...RESETS }, "PUT", 200, 2],
      [{ ...says, ...RESETS }, "POST", 502, 1],
    ] as const) {
      all = await severalWith([fails, second]);
      const { stage } = all;
      const client = stage.client();
      client.onReceive = () => {
        if (client.text() === goOn) client.send("body");
      };
      client.send(ask(method, "body", "Expect: 100-continue").slice(0, -"body".length));
      stage.sim.drive();
      stage.sim.advance(PAUSE);
      assert.deepEqual(statusesTo(client, [method]), [status]);
      assert.equal(client.text().split(goOn).length - 1, 1);
      assert.equal(stage.exchanges[0]!.attempts, attempts);
      if (status === 200) assert.equal(all.servers[1]!.origin.requests[0]?.body, "body");
      await all.close();
    }
    all = await severalWith([{}]);
  });

  it("A07: never after the first byte of the response was forwarded", async () => {
    const script: OriginScript = {
      onRequest(_request, link) {
        link.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        link.peer.end();
        return null;
      },
    };
    const client = await play([script, {}], GET);
    assert.notEqual(client.closed, null);
    assert.deepEqual(responsesTo(client), []);
    assert.deepEqual(all.arrived(), [1, 0]);
  });

  it("a client that leaves during the pause takes its request along", async () => {
    all = await severalWith([RESETS, {}]);
    const client = all.stage.ask(GET);
    client.reset();
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(all.arrived(), [1, 0]);
    assert.equal(all.stage.exchanges[0]?.fault, "client.reset");
  });

  it("a kept connection that was closed costs nothing: the server is asked again, and then another", async () => {
    all = await severalWith([{}, {}], { app: { retries: { attempts: 1, budget: { share: "0%", perSecond: 1 } } } });
    const client = all.stage.ask(GET);
    client.send(GET);
    all.stage.sim.drive();
    assert.deepEqual(all.arrived(), [1, 1]);
    all.servers[0]!.script = ENDS;
    client.send(GET);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(statusesTo(client), [200, 200, 200]);
    assert.deepEqual(all.arrived(), [3, 2], "the fresh connection failed as well");
    assert.equal(all.stage.exchanges[2]?.attempts, 3);
  });
});

describe("a body", () => {
  const LIMIT = 64 * 1024;
  for (const [bytes, status] of [
    [LIMIT - 1, 200],
    [LIMIT, 200],
    [LIMIT + 1, 502],
  ] as const) {
    it(`of ${bytes} bytes that was sent: ${status}`, async () => {
      const body = patternOf(bytes);
      const client = await play([RESETS, {}], ask("PUT", body));
      assert.deepEqual(statusesTo(client), [status]);
      if (status === 200) assert.equal(all.servers[1]!.origin.requests[0]?.body, body);
    });
  }

  it("of any size goes elsewhere while nothing of it was sent", async () => {
    all = await severalWith([{}, {}]);
    all.stage.sim.failConnect(all.servers[0]!.address, "ECONNREFUSED");
    const body = patternOf(300_000);
    const client = all.stage.ask(ask("POST", body));
    all.stage.sim.advance(1_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(all.servers[1]!.origin.requests[0]?.body, body);
  });

  it("that still comes goes on to the second server", async () => {
    all = await severalWith([{ onHead: (_head, link) => link.peer.reset() }, {}]);
    const body = patternOf(20_000);
    const client = all.stage.ask(ask("PUT", body).slice(0, -body.length));
    drip(all.stage, client, body, { bytes: 100, everyMs: 1 });
    all.stage.sim.advance(1_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(all.servers[1]!.origin.requests[0]?.body, body);
  });
});

describe("a response that is as good as a failure", () => {
  for (const status of [502, 503, 504]) {
    it(`${status} is held while another server is asked`, async () => {
      const busy: OriginScript = { onRequest: () => BUSY.replace("503", String(status)) };
      const client = await play([busy, {}], GET);
      assert.deepEqual(statusesTo(client), [200]);
      assert.deepEqual(outcome(), [200, "", 2]);
    });
  }

  for (const [what, request, options] of [
    ["for a POST", ask("POST", "body"), {}],
    ["without tries left", GET, { app: { retries: { attempts: 0 } } }],
    ["without a budget", GET, { app: { retries: { budget: { share: "0%", perSecond: 0 } } } }],
    ["when it is not in `on`", GET, { app: { retries: { on: ["connect"] } } }],
  ] as const) {
    it(`is passed on ${what}`, async () => {
      const [response] = responsesTo(await play([IS_BUSY, {}], request, options as unknown as StageOptions));
      assert.deepEqual([response?.status, response?.body], [503, "busy"]);
      assert.deepEqual(all.arrived(), [1, 0]);
    });
  }

  it("500 is a server's answer like any other", async () => {
    const client = await play([{ onRequest: () => BUSY.replace("503", "500") }, {}], GET);
    assert.deepEqual(statusesTo(client), [500]);
    assert.deepEqual(all.arrived(), [1, 0]);
  });

  it("is passed on whole when the other server is no better: the last real response", async () => {
    for (const [script, body] of [
      [RESETS, "busy"],
      [{ onRequest: () => ok("mine").replace("200 OK", "503 x") }, "mine"],
    ] as const) {
      const client = await play([IS_BUSY, script], GET);
      const [response] = responsesTo(client);
      assert.deepEqual([response?.status, response?.body], [503, body]);
      assert.deepEqual(outcome(), [503, "", 2]);
      client.send(GET);
      all.stage.sim.advance(PAUSE);
      assert.equal(all.stage.exchanges.length, 2, "the client's connection goes on");
      if (script === RESETS) await all.close();
    }
  });

  it("is passed on when nobody accepts a connection", async () => {
    all = await severalWith([IS_BUSY, {}]);
    all.stage.sim.failConnect(all.servers[1]!.address, "ECONNREFUSED");
    const client = all.stage.ask(GET);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(statusesTo(client), [503]);
  });

  it("waits with its body unread, however long that is", async () => {
    const body = patternOf(300_000);
    const long: OriginScript = { onRequest: () => `HTTP/1.1 503 x\r\nContent-Length: ${body.length}\r\n\r\n${body}` };
    all = await severalWith([long, HANGS], { timeouts: { firstByte: "10s", responseIdle: "2s" } });
    const client = all.stage.ask(GET);
    all.stage.sim.advance(9_000);
    assert.equal(client.receivedBytes, 0);
    all.stage.sim.advance(2_000);
    assert.equal(responsesTo(client)[0]?.body, body);
  });

  it("may be lost while it waits: what is there of it counts", async () => {
    for (const [sent, isWhole] of [
      [BUSY, true],
      [BUSY.slice(0, -1), false],
    ] as const) {
      all = await severalWith([{ onRequest: () => sent }, HANGS], { timeouts: { firstByte: "1s" } });
      const client = all.stage.ask(GET);
      all.stage.sim.advance(PAUSE);
      all.servers[0]!.origin.links[0]?.peer.reset();
      all.stage.sim.advance(2_000);
      assert.equal(responsesTo(client).length, isWhole ? 1 : 0);
      assert.equal(client.closed === null, isWhole);
      assert.equal(all.stage.exchanges[0]?.fault, isWhole ? "" : "upstream.truncated");
      if (isWhole) await all.close();
    }
  });

  it("does not wait for the place that it takes itself", async () => {
    const client = await play([IS_BUSY], GET, { maxConnections: 1 });
    assert.deepEqual(statusesTo(client), [503]);
    assert.ok(all.stage.exchanges[0]!.durationMs < PAUSE);
  });

  it("before the request is complete is passed on: nobody knows what else will come", async () => {
    all = await severalWith([{ onHead: (_head, link) => link.peer.send(BUSY) }, {}]);
    const client = all.stage.ask(ask("PUT", "x".repeat(100)).slice(0, -50));
    assert.deepEqual(statusesTo(client), [503]);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(all.servers[1]!.origin.requests, []);
  });

  it("is dropped when the client leaves", async () => {
    all = await severalWith([IS_BUSY, HANGS]);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(all.arrived(), [1, 1]);
    client.reset();
    all.stage.sim.advance(100);
    for (const { inFlight, connections } of all.stage.endpoints)
      assert.deepEqual([inFlight, connections.count], [0, 0]);
  });
});

describe("a deadline", () => {
  it("for each try leaves a hung server for another", async () => {
    all = await severalWith([HANGS, {}], { app: { retries: { perTryTimeout: "1s" } } });
    const client = all.stage.ask(GET);
    all.stage.sim.advance(900);
    assert.deepEqual(all.arrived(), [1, 0]);
    all.stage.sim.advance(200 + PAUSE);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("for each try ends a POST with 504", async () => {
    all = await severalWith([HANGS, {}], { app: { retries: { perTryTimeout: "1s" } } });
    const client = all.stage.ask(ask("POST", "body"));
    all.stage.after(1_000, () => statusesTo(client).length > 0);
    assert.deepEqual(outcome(), [504, "upstream.try-timeout", 1]);
  });

  it("A06: without one a hung server is waited for until `firstByte`, once", async () => {
    all = await severalWith([HANGS, {}], { timeouts: { firstByte: "2s" } });
    const client = all.stage.ask(GET);
    all.stage.after(2_000, () => statusesTo(client).length > 0);
    assert.deepEqual(outcome(), [504, "upstream.first-byte-timeout", 1]);
  });

  const total = { timeouts: { total: "3s" } };
  it("for all of it ends in 504, tries and pauses included", async () => {
    all = await severalWith([HANGS, HANGS, HANGS, HANGS], {
      ...total,
      app: { retries: { attempts: 3, perTryTimeout: "1s" } },
    });
    const client = all.stage.ask(GET);
    all.stage.after(3_000, () => statusesTo(client).length > 0);
    assert.equal(statusesTo(client)[0], 504);
    assert.equal(all.stage.exchanges[0]?.fault, "upstream.total-timeout");
  });

  it("for all of it passes on what is held", async () => {
    all = await severalWith([IS_BUSY, HANGS], total);
    const client = all.stage.ask(GET);
    all.stage.after(3_000, () => statusesTo(client).length > 0);
    assert.deepEqual(statusesTo(client), [503]);
  });

  it("for all of it cuts a response that has begun, visibly", async () => {
    const script: OriginScript = { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx" };
    all = await severalWith([script], total);
    const client = all.stage.ask(GET);
    all.stage.after(3_000, () => client.closed !== null);
    assert.deepEqual(responsesTo(client), []);
    assert.equal(all.stage.exchanges[0]?.fault, "upstream.total-timeout");
  });

  it("for all of it leaves no timer behind, nor does it touch the next request or a tunnel", async () => {
    const script: OriginScript = {
      onRequest: ({ target }) =>
        target === "/ws" ? "HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" : OK,
    };
    all = await severalWith([script], total);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(2_000);
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    all.stage.sim.advance(10_000);
    assert.match(client.text(), /101 x/);
    assert.equal(client.closed, null);
  });
});

describe("the budget", () => {
  it("Q08: when all servers are busy, few requests are sent twice, and all get the real answer", async () => {
    all = await severalWith([IS_BUSY, IS_BUSY, IS_BUSY]);
    const clients = Array.from({ length: 20 }, () => all.stage.client());
    const requests = 2_000;
    for (let i = 0; i < requests; i++) {
      clients[i % 20]?.send(GET);
      all.stage.sim.advance(1);
    }
    all.stage.sim.advance(PAUSE);
    const tries = all.arrived().reduce((sum, each) => sum + each);
    assert.ok(tries > requests * 1.05 && tries <= requests * 1.1 + 3 * 3, `${tries} tries of ${requests} requests`);
    for (const { status, fault } of all.stage.exchanges) assert.deepEqual([status, fault], [503, ""]);
    assert.equal(all.stage.exchanges.length, requests);
  });

  it("at its end lets the first failure be the answer, and counts that", async () => {
    all = await severalWith([RESETS, {}], { app: { retries: { budget: { share: "0%", perSecond: 1 } } } });
    const [first, second] = [all.stage.ask(GET), all.stage.ask(GET)];
    const third = all.stage.ask(GET);
    all.stage.sim.advance(PAUSE);
    assert.deepEqual(
      [first, second, third].map((each) => statusesTo(each)[0]),
      [200, 200, 502],
    );
    const { granted, refused } = all.stage.engine.deployment.groups.get("app")!.retryBudget;
    assert.deepEqual([granted, refused], [1, 1]);
  });
});
