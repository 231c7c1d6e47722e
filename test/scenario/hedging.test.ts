import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { BUSY, HANGS, RESETS, type Several, severalWith } from "./several.ts";
import { GET, OK, ok, responsesTo, type StageOptions, statusesTo } from "./stage.ts";

/** A second try beside one that takes long. */

let all: Several;
afterEach(() => all.close());

const HEDGED: StageOptions = { app: { hedge: { after: "200ms" } } };
const put = (length: number, sent = length): string =>
  `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(sent)}`;

describe("a hedge", () => {
  it("is a second request to another server when the first takes long; its answer counts", async () => {
    all = await severalWith([HANGS, { onRequest: () => ok("second") }], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.after(200, () => responsesTo(client).length > 0);
    assert.equal(responsesTo(client)[0]?.body, "second");
    assert.deepEqual([all.stage.exchanges[0]?.attempts, all.arrived()], [2, [1, 1]]);
    assert.notEqual(all.servers[0]!.origin.links[0]?.peer.closed, null, "the slow one is let go");
    assert.deepEqual(
      all.stage.endpoints.map(({ inFlight }) => inFlight),
      [0, 0],
    );
  });

  it("loses against a first server that answers before", async () => {
    all = await severalWith([HANGS, HANGS], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    all.servers[0]!.origin.links[0]?.peer.send(ok("first"));
    all.stage.sim.drive();
    assert.equal(responsesTo(client)[0]?.body, "first");
    assert.notEqual(all.servers[1]!.origin.links[0]?.peer.closed, null);
  });

  it("is made for a try that replaces a stale connection, too", async () => {
    all = await severalWith([{}, {}], HEDGED);
    for (let i = 0; i < 2; i++) all.stage.ask(GET);
    all.servers[0]!.script = {
      onRequest(_request, link) {
        if (link.number === 1) link.peer.end();
        return null;
      },
    };
    const client = all.stage.ask(GET);
    all.stage.after(200, () => statusesTo(client).length > 0);
    assert.deepEqual([all.stage.exchanges[2]?.attempts, all.arrived()], [3, [3, 2]]);
  });

  it("counts from when a request that had to wait was sent, and is made once", async () => {
    all = await severalWith([HANGS, HANGS], { ...HEDGED, maxConnections: 1 });
    const [first, second] = [
      all.stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
      all.stage.ask(GET),
    ];
    const waits = all.stage.ask(GET);
    all.stage.sim.advance(500);
    second.reset();
    all.stage.sim.drive();
    assert.deepEqual(all.arrived(), [1, 2]);
    first.reset();
    all.stage.sim.drive();
    all.servers[0]!.script = {};
    all.stage.after(200, () => statusesTo(waits).length > 0);
    assert.deepEqual(all.arrived(), [2, 2]);
  });

  it("moves no client that is kept at the slow one", async () => {
    const sticky = { secret: "0123456789abcdef" };
    all = await severalWith([{}, {}], { app: { ...HEDGED.app, sticky } });
    const [, cookie] = /Set-Cookie: ([^;]+)/i.exec(all.stage.ask(GET).text())!;
    const slow = all.servers.find(({ origin }) => origin.requests.length > 0)!;
    slow.script = HANGS;
    const client = all.stage.ask(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`);
    all.stage.after(200, () => responsesTo(client).length > 0);
    assert.deepEqual([statusesTo(client), all.arrived()], [[200], slow === all.servers[0] ? [2, 1] : [1, 2]]);
    assert.doesNotMatch(client.text(), /Set-Cookie/i);
  });

  it("is not made when the answer comes in time", async () => {
    all = await severalWith([{}, {}], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(1_000);
    assert.deepEqual([statusesTo(client), all.arrived()], [[200], [1, 0]]);
  });

  it("carries a whole body again, and is not made while one still comes", async () => {
    all = await severalWith([HANGS, {}], HEDGED);
    all.stage.ask(put(1_000));
    all.stage.sim.advance(400);
    assert.equal(all.servers[1]!.origin.requests[0]?.body.length, 1_000);
    all.stage.ask(put(1_000, 500));
    all.stage.sim.advance(400);
    assert.deepEqual(all.arrived(), [1, 1]);
  });

  it("is not made before the time has passed that the server had with all of the request", async () => {
    for (const afterMs of [250, 390]) {
      all = await severalWith([HANGS, {}], HEDGED);
      const client = all.stage.ask(put(1_000, 500));
      all.stage.sim.advance(afterMs);
      client.send("x".repeat(500));
      all.stage.sim.advance(190);
      assert.deepEqual(all.arrived(), [1, 0], `${afterMs}`);
      all.stage.sim.advance(210);
      assert.deepEqual([all.arrived(), statusesTo(client)], [[1, 1], [200]]);
      if (afterMs === 250) await all.close();
    }
  });

  for (const [what, request, options] of [
    ["for a POST", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HEDGED],
    [
      "for a POST that may be retried, unsafely",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      { app: { ...HEDGED.app, retries: { unsafeRetryNonIdempotent: true } } },
    ],
    ["for a body too large to be kept", put(70_000), HEDGED],
    ["beyond the budget", GET, { app: { ...HEDGED.app, retries: { budget: { share: "0%", perSecond: 0 } } } }],
    ["when nobody asked for hedges", GET, {}],
  ] as const) {
    it(`is not made ${what}`, async () => {
      all = await severalWith([HANGS, {}], options);
      all.stage.ask(request);
      all.stage.sim.advance(1_000);
      assert.deepEqual(all.arrived(), [1, 0]);
    });
  }

  it("is made for a POST with an Idempotency-Key", async () => {
    all = await severalWith([HANGS, {}], HEDGED);
    const client = all.stage.ask("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\nContent-Length: 0\r\n\r\n");
    all.stage.sim.advance(400);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("helps against a connect that hangs", async () => {
    all = await severalWith([{}, {}], HEDGED);
    all.stage.sim.hang(all.servers[0]!.address);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("goes on when the first one fails, and the first one when it fails itself", async () => {
    for (const failing of [0, 1]) {
      all = await severalWith([HANGS, HANGS, HANGS], HEDGED);
      const client = all.stage.ask(GET);
      all.stage.sim.advance(400);
      all.servers[failing]!.origin.links[0]?.peer.reset();
      all.stage.sim.advance(400);
      all.servers[1 - failing]!.origin.links[0]?.peer.send(OK);
      all.stage.sim.drive();
      assert.deepEqual([statusesTo(client), all.arrived()], [[200], [1, 1, 0]]);
      if (failing === 0) await all.close();
    }
  });

  it("of which one is busy: the other one is waited for, and if it fails, a further try decides", async () => {
    all = await severalWith([HANGS, { onRequest: () => BUSY }, {}], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(1_000);
    assert.deepEqual([statusesTo(client), all.arrived()], [[], [1, 1, 0]]);
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.stage.sim.advance(400);
    assert.deepEqual([statusesTo(client), all.arrived()], [[200], [1, 1, 1]]);
  });

  it("of which all fail: the real answer among them is passed on", async () => {
    all = await severalWith([HANGS, { onRequest: () => BUSY }, RESETS], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.stage.sim.advance(400);
    assert.equal(responsesTo(client)[0]?.body, "busy");
  });

  it("goes with the client that leaves", async () => {
    all = await severalWith([HANGS, HANGS], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    client.reset();
    all.stage.sim.drive();
    for (const { origin } of all.servers) assert.notEqual(origin.links[0]?.peer.closed, null);
  });

  it("lets no early hints through while two might send them", async () => {
    all = await severalWith([HANGS, HANGS], HEDGED);
    const client = all.stage.ask(GET);
    all.stage.sim.advance(400);
    for (const { origin } of all.servers) origin.links[0]?.peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    all.servers[1]!.origin.links[0]?.peer.send(OK);
    all.stage.sim.drive();
    assert.doesNotMatch(client.text(), / 103 /);
    assert.deepEqual(statusesTo(client), [200]);
  });
});
