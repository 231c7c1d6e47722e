import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { parseAgentReply } from "../../core/health/agent-reply.ts";
import type { OriginScript } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { HANGS, type Several, severalWith } from "./several.ts";
import { GET, OK, type StageOptions, statusesTo } from "./stage.ts";

/** All servers of an upstream have as many connections as they may: requests wait in one line, with a bound. */

let all: Several;
afterEach(() => all.close());

const group = () => all.stage.engine.deployment.groups.get("app")!;
const waiting = (): number => group().queue.length;
/** The server of that number answers what it got last. */
const answer = (number: number): void => {
  all.servers[number - 1]!.origin.links.at(-1)?.peer.send(OK);
  all.stage.sim.drive();
};
const numbered = (count: number): Peer[] =>
  Array.from({ length: count }, (_, i) => all.stage.ask(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`));
const targets = (number: number): string[] => all.servers[number - 1]!.origin.requests.map(({ target }) => target);

async function busy(servers: number, options: StageOptions = {}): Promise<void> {
  all = await severalWith(new Array(servers).fill(HANGS), { maxConnections: 1, ...options });
}

describe("requests that wait for a full upstream", () => {
  it("are served in the order they came, by whichever server has a place", async () => {
    await busy(2);
    const clients = numbered(5);
    assert.equal(waiting(), 3);
    answer(2);
    answer(2);
    answer(1);
    assert.deepEqual(
      [targets(1), targets(2)],
      [
        ["/0", "/4"],
        ["/1", "/2", "/3"],
      ],
    );
    answer(1);
    answer(2);
    for (const client of clients) assert.deepEqual(statusesTo(client), [200]);
  });

  it("are served by one server while the other hangs", async () => {
    await busy(2);
    numbered(1);
    all.servers[1]!.script = { onRequest: () => OK };
    const others = numbered(20);
    for (const client of others) assert.deepEqual(statusesTo(client), [200]);
  });

  for (const queue of [0, 1, 3]) {
    it(`are at most ${queue} when that is so configured; one more is 503 with Retry-After at once`, async () => {
      await busy(2, { pool: { queue } });
      numbered(2 + queue);
      assert.equal(waiting(), queue);
      const client = all.stage.ask(GET);
      assert.deepEqual(statusesTo(client), [503]);
      assert.match(client.text(), /\r\nRetry-After: 1\r\n/);
      assert.equal(all.stage.exchanges[0]?.fault, "upstream.queue-full");
      assert.equal(waiting(), queue);
    });
  }

  it("wait no longer than `queueTimeout`, and then free their place", async () => {
    await busy(1, { pool: { queue: 1, queueTimeout: "2s" }, timeouts: { firstByte: "30s" } });
    numbered(1);
    const client = all.stage.ask(GET);
    all.stage.after(2_000, () => statusesTo(client).length > 0);
    assert.equal(all.stage.exchanges[0]?.fault, "upstream.queue-timeout");
    assert.equal(waiting(), 0);
  });

  it("may have a time of their route's", async () => {
    await busy(1, { timeouts: { firstByte: "30s" }, routes: [{ upstream: "app", timeouts: { queue: "1s" } }] });
    numbered(1);
    const client = all.stage.ask(GET);
    all.stage.after(1_000, () => statusesTo(client).length > 0);
  });

  it("free their place at once when the client leaves", async () => {
    await busy(1, { pool: { queue: 1 } });
    numbered(1);
    const leaver = all.stage.ask("GET /leaver HTTP/1.1\r\nHost: a\r\n\r\n");
    leaver.reset();
    all.stage.sim.drive();
    assert.equal(waiting(), 0);
    const stayer = all.stage.ask("GET /stayer HTTP/1.1\r\nHost: a\r\n\r\n");
    answer(1);
    answer(1);
    assert.deepEqual(targets(1), ["/0", "/stayer"]);
    assert.deepEqual(statusesTo(stayer), [200]);
  });

  it("get the place of a connection that nobody waits for any more", async () => {
    await busy(1);
    all.stage.sim.hang(all.servers[0]!.address);
    const [first, second] = numbered(2);
    first?.reset();
    all.stage.sim.drive();
    assert.equal(waiting(), 0, "the connect under way is theirs");
    second?.reset();
  });

  it("get the place of a connection that was lost", async () => {
    await busy(2, { app: { retries: { attempts: 0 } } });
    numbered(3);
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.stage.sim.drive();
    assert.deepEqual(targets(1), ["/0", "/2"]);
  });

  it("get no place at a server that is drained", async () => {
    await busy(2);
    numbered(3);
    group().setServerState("127.0.0.1:9001", "drain");
    all.stage.sim.advance(100);
    answer(1);
    assert.deepEqual([targets(1), waiting()], [["/0"], 1]);
    answer(2);
    assert.deepEqual([targets(2), waiting()], [["/1", "/2"], 0]);
  });

  it("carry their body along", async () => {
    await busy(1);
    numbered(1);
    const client = all.stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    answer(1);
    answer(1);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(all.servers[0]!.origin.requests[1]?.body, "body");
  });

  it("are not all given to a server that refuses while they wait", async () => {
    await busy(2);
    const clients = numbered(6);
    all.stage.sim.failConnect(all.servers[0]!.address, "ECONNREFUSED");
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.stage.sim.advance(500);
    all.servers[1]!.script = { onRequest: () => OK };
    answer(2);
    all.stage.sim.advance(500);
    for (const client of clients) assert.deepEqual(statusesTo(client), [200]);
  });
});

describe("a further try while all other servers are full", () => {
  it("goes to the server that has failed it, where there is a place", async () => {
    await busy(2);
    const [client] = numbered(2);
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.servers[0]!.script = {};
    all.stage.sim.advance(200);
    assert.deepEqual(statusesTo(client!), [200]);
    assert.deepEqual([targets(1), waiting()], [["/0", "/0"], 0]);
  });

  it("takes the first place there is, the one at that server, too", async () => {
    await busy(2);
    const clients = numbered(3);
    all.servers[0]!.origin.links[0]?.peer.reset();
    all.stage.sim.advance(200);
    assert.deepEqual([targets(1), waiting()], [["/0", "/2"], 1]);
    all.servers[0]!.script = {};
    answer(1);
    assert.deepEqual(targets(1), ["/0", "/2", "/0"]);
    assert.deepEqual([...statusesTo(clients[0]!), ...statusesTo(clients[2]!)], [200, 200]);
  });
});

describe("a stale connection's second try", () => {
  /** Two connections, one of which may stay: /hold has it, /stale has lost the other. */
  async function loseOne(servers: readonly object[]): Promise<Peer> {
    all = await severalWith([HANGS, ...servers.slice(1).map(() => ({}))], { app: { servers } as never });
    const both = numbered(2);
    for (const { peer } of all.servers[0]!.origin.links) peer.send(OK);
    all.stage.sim.drive();
    for (const client of both) assert.deepEqual(statusesTo(client), [200]);
    all.stage.ask("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    const client = all.stage.ask("GET /stale HTTP/1.1\r\nHost: a\r\n\r\n");
    all.stage.endpoint.adjust(parseAgentReply("maxconn:1"));
    all.servers[0]!.origin.requests.at(-1)?.link.peer.end();
    all.stage.sim.drive();
    assert.equal(waiting(), 1);
    return client;
  }
  const answerHold = (): void => {
    const { requests } = all.servers[0]!.origin;
    requests.find(({ target }) => target === "/hold")?.link.peer.send(OK);
    all.stage.sim.drive();
  };
  const FIRST = { address: "127.0.0.1:9001", maxConnections: 2 };

  it("is not passed over by those who come later, and makes room for itself", async () => {
    const client = await loseOne([FIRST]);
    const later = numbered(5);
    all.servers[0]!.script = {};
    answerHold();
    assert.deepEqual(targets(1).slice(4, 6), ["/stale", "/0"]);
    for (const each of [client, ...later]) assert.deepEqual(statusesTo(each), [200]);
  });

  it("goes to another server when its own goes meanwhile", async () => {
    const client = await loseOne([FIRST, { address: "127.0.0.1:9002", state: "drain" }]);
    group().setServerState("127.0.0.1:9002", "ready");
    group().setServerState("127.0.0.1:9001", "maintenance");
    all.stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
    assert.deepEqual(targets(2), ["/stale"]);
  });

  it("needs no place in the queue: that of the closed connection is its own", async () => {
    all = await severalWith([{}], { maxConnections: 1, pool: { queue: 0 } });
    all.stage.ask(GET);
    all.servers[0]!.script = {
      onRequest(_request, link) {
        if (link.number > 1) return OK;
        link.peer.end();
        return null;
      },
    };
    assert.deepEqual(statusesTo(all.stage.ask(GET)), [200]);
  });
});

describe("the breaker", () => {
  const caps = (breaker: object): StageOptions => ({ app: { breaker } });
  const openings = () => all.stage.notices.filter(({ kind }) => kind === "breaker");

  for (const inFlight of [1, 3]) {
    it(`lets ${inFlight} requests through at once, and says no to one more`, async () => {
      all = await severalWith([HANGS, HANGS], caps({ inFlight }));
      numbered(inFlight);
      const client = all.stage.ask(GET);
      assert.deepEqual(statusesTo(client), [503]);
      assert.match(client.text(), /\r\nRetry-After: 1\r\n/);
      assert.equal(all.stage.exchanges[0]?.fault, "upstream.breaker-open");
      answer(1);
      client.send(GET);
      all.stage.sim.drive();
      assert.equal(all.arrived()[0]! + all.arrived()[1]!, inFlight + 1);
    });
  }

  it("tells once that it is open, and once that it is closed", async () => {
    all = await severalWith([HANGS], caps({ inFlight: 1 }));
    numbered(20);
    all.stage.sim.advance(3_000);
    assert.deepEqual(
      openings().map((notice) => "isOpen" in notice && [notice.isOpen, notice.refused]),
      [
        [true, 1],
        [false, 19],
      ],
    );
  });

  it("caps connections; an idle one at another server makes room", async () => {
    all = await severalWith([{}, HANGS, HANGS], caps({ connections: 2 }));
    all.stage.ask(GET);
    numbered(2);
    assert.deepEqual(all.arrived(), [1, 1, 1]);
    assert.equal(all.stage.endpoints[0]?.connections.count, 0);
    assert.deepEqual(statusesTo(all.stage.ask(GET)), [503]);
  });

  it("caps those who wait", async () => {
    all = await severalWith([HANGS], { ...caps({ pending: 1 }), maxConnections: 1 });
    numbered(2);
    assert.deepEqual(statusesTo(all.stage.ask(GET)), [503]);
    assert.equal(all.stage.exchanges[0]?.fault, "upstream.queue-full");
    assert.equal(openings().length, 1);
  });

  it("caps further tries under way: the first failure is the answer", async () => {
    const script: OriginScript = {
      onRequest(_request, link) {
        link.peer.reset();
        return null;
      },
    };
    all = await severalWith([script, HANGS], caps({ retries: 1 }));
    const [first] = numbered(1);
    all.stage.sim.advance(400);
    numbered(1);
    const third = all.stage.ask(GET);
    all.stage.sim.advance(400);
    assert.deepEqual(statusesTo(third), [502]);
    answer(2);
    all.servers[1]!.origin.links[0]?.peer.send(OK);
    all.stage.sim.drive();
    assert.deepEqual(statusesTo(first!), [200]);
    assert.equal(group().breaker.retries, 0);
    assert.equal(openings().length, 1);
  });
});
