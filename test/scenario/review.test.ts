import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { ClientConnection } from "../../core/h1/client.ts";
import { TICK_MS } from "../../core/limits.ts";
import { createOrigin, type OriginLink } from "../../testing/origin.ts";
import { addressOf } from "../../testing/wire.ts";
import { drip, GET, OK, patternOf, post, responsesTo, SILENT, type Stage, stageWith, statusesTo } from "./stage.ts";

/** What a hostile reading of the code has found: each story went wrong once. */

let stage: Stage;
let restore: () => void = () => {};
afterEach(() => {
  restore();
  restore = () => {};
  return stage.close();
});

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const inFlight = (): number => stage.endpoint.inFlight;
const idle = (): number => stage.endpoint.connections.idleCount;
const count = (): number => stage.endpoint.connections.count;

/** The next request head written upstream is a defect of ours. */
function breakNextHead(): void {
  const { head } = ClientConnection.prototype;
  restore = () => {
    ClientConnection.prototype.head = head;
  };
  ClientConnection.prototype.head = () => {
    restore();
    throw new Error("a defect");
  };
}

describe("a throw in our own code", () => {
  it("of the observer takes nothing from the client, and is reported", async () => {
    stage = await stageWith();
    const { observer } = stage;
    const { onExchange } = observer;
    Object.assign(observer, {
      onExchange() {
        Object.assign(observer, { onExchange });
        throw new Error("an observer's defect");
      },
    });
    const client = stage.ask(GET);
    assert.deepEqual(statusesTo(client), [200]);
    assert.deepEqual([inFlight(), count(), idle()], [0, 1, 1]);
    assert.throws(() => stage.sim.advance(2 * TICK_MS), /an observer's defect/);
    client.send(GET);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200, 200]);
    assert.equal(stage.exchanges.length, 1, "told of the second one");
    assert.equal(stage.origin.links.length, 1, "over the connection that was given back");
  });

  for (const [of, ask, status] of [
    ["a request that is none", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400],
    ["a breaker that opens", GET, 503],
  ] as const) {
    it(`of whoever is told of ${of} takes nothing from the client either`, async () => {
      stage = await stageWith({ script: SILENT, app: { breaker: { inFlight: 1 } } });
      stage.ask(GET);
      const { observer } = stage;
      const { onNotice } = observer;
      Object.assign(observer, {
        onNotice() {
          Object.assign(observer, { onNotice });
          throw new Error("an observer's defect");
        },
      });
      assert.deepEqual(statusesTo(stage.ask(ask)), [status]);
      assert.equal(inFlight(), 1);
      assert.throws(() => stage.sim.advance(2 * TICK_MS), /an observer's defect/);
    });
  }

  it("just before the proxy stops is reported, too", async () => {
    stage = await stageWith({ script: SILENT });
    const { observer } = stage;
    const { onExchange } = observer;
    let left = 3;
    Object.assign(observer, {
      onExchange() {
        if (--left === 0) Object.assign(observer, { onExchange });
        throw new Error("an observer's defect");
      },
    });
    for (let i = 0; i < 3; i++) stage.ask(GET);
    const stopped = stage.proxy.stop();
    for (let i = 0; i < 3; i++) await assert.rejects(stage.sim.until(stopped, 1_000), /an observer's defect/);
    await stage.sim.until(stopped, 1_000);
  });

  it("while a connection is handed on leaves the one who gave it back with a complete response", async () => {
    stage = await stageWith({ maxConnections: 1, script: SILENT });
    const first = stage.ask(get("/first"));
    const second = stage.ask(get("/second"));
    breakNextHead();
    stage.origin.links[0]?.peer.send(OK);
    assert.throws(() => stage.sim.drive(), /a defect/);
    stage.sim.drive();
    assert.deepEqual(
      responsesTo(first).map(({ status, body }) => [status, body]),
      [[200, "ok"]],
    );
    assert.deepEqual(
      stage.exchanges.map(({ target, fault }) => [target, fault]),
      [["/first", ""]],
    );
    stage.script = {};
    first.send(get("/third"));
    second.reset();
    stage.sim.drive();
    assert.equal(inFlight(), 0);
    assert.deepEqual(statusesTo(first), [200, 200], "and the server's only place is free again");
    assert.deepEqual([count(), idle()], [1, 1]);
  });

  it("while an idle connection is taken leaves nothing behind when that client goes", async () => {
    stage = await stageWith();
    stage.ask(GET);
    const client = stage.client();
    stage.sim.drive();
    breakNextHead();
    client.send(GET);
    assert.throws(() => stage.sim.drive(), /a defect/);
    client.reset();
    stage.sim.drive();
    assert.deepEqual([inFlight(), count()], [0, 0]);
    assert.equal(stage.exchanges.length, 2, "each is told of");
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
  });
});

describe("an upstream connection", () => {
  it("is not pooled while a request body is still queued towards a server that answers without reading", async () => {
    let heads = 0;
    const answerUnread = (link: OriginLink): void => {
      link.peer.stopReading();
      stage.sim.clock.appoint(1_000, () => link.peer.send(OK));
    };
    stage = await stageWith({
      kernelBytesMax: 4_096,
      script: { onHead: (_head, link) => void (heads++ === 0 && answerUnread(link)) },
    });
    const uploader = stage.ask(post(patternOf(60_000)));
    assert.equal(inFlight(), 1);
    stage.sim.advance(2_000);
    assert.match(uploader.text(), /^HTTP\/1.1 200/);
    assert.ok((stage.origin.links[0]?.peer.receivedBytes ?? 0) < 60_000, "it really was queued");
    assert.deepEqual([count(), idle()], [0, 0]);
    const next = stage.ask(get("/next"));
    assert.deepEqual(statusesTo(next), [200]);
    assert.equal(stage.origin.requests.at(-1)?.link.number, 2);
  });

  it("under way that nobody waits for any more is adopted by the next request", async () => {
    stage = await stageWith();
    stage.sim.hang("127.0.0.1:9001");
    for (let i = 0; i < 500; i++) {
      stage.ask(GET).reset();
      stage.sim.drive();
    }
    assert.equal(stage.proxy.connectionCount, 0);
    assert.deepEqual([inFlight(), count()], [0, 1]);
  });

  it("under way is made for as many requests as there are at a time", async () => {
    stage = await stageWith();
    stage.sim.hang("127.0.0.1:9001");
    for (let round = 0; round < 25; round++) {
      const clients = Array.from({ length: 20 }, () => stage.ask(GET));
      assert.deepEqual([inFlight(), count()], [20, 20]);
      for (const client of clients) client.reset();
      stage.sim.drive();
    }
    assert.deepEqual([inFlight(), count()], [0, 20]);
    const late = stage.ask(GET);
    stage.after(3_000, () => statusesTo(late)[0] === 504);
    assert.equal(count(), 0, "an adopted one has a deadline, too");
  });

  it("for a second try is a new one even if the try had to wait for a place", async () => {
    stage = await stageWith({ maxConnections: 2 });
    stage.script = SILENT;
    const [hold, first] = [stage.ask(get("/hold")), stage.ask(GET)];
    stage.origin.links[1]?.peer.send(OK); // the second one rests
    stage.sim.drive();
    assert.deepEqual([statusesTo(first)[0], idle()], [200, 1]);
    const again = stage.ask(get("/again"));
    const queued = stage.ask(get("/queued"));
    stage.origin.links[1]?.peer.end();
    stage.sim.drive();
    assert.deepEqual(
      stage.origin.links.map(({ requests }) => requests.at(-1)?.target),
      ["/hold", "/again", "/queued"],
      "who had waited longer got the place",
    );
    stage.origin.links[0]?.peer.send(OK);
    stage.sim.drive();
    assert.equal(statusesTo(hold)[0], 200);
    assert.equal(stage.origin.links.length, 4);
    assert.equal(stage.origin.links[3]?.requests[0]?.target, "/again");
    assert.equal(count(), 2);
    for (const link of stage.origin.links.slice(2)) link.peer.send(OK);
    stage.sim.drive();
    assert.deepEqual([...statusesTo(again), ...statusesTo(queued)], [200, 200]);
  });

  it("that authenticates a client is kept to among several servers", async () => {
    const other = "127.0.0.1:9002";
    const CHALLENGE = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAAC\r\nContent-Length: 0\r\n\r\n";
    const script = {
      onRequest: ({ raw }: { raw: string }) => (raw.includes("NTLM Type3") ? OK : CHALLENGE),
    };
    stage = await stageWith({ otherServers: [other], script });
    const second = await createOrigin(stage.sim.outside(), addressOf(other), script);
    const authorized = (message: string): string =>
      get("/").replace("\r\n\r\n", `\r\nAuthorization: NTLM ${message}\r\n\r\n`);
    for (let i = 0; i < 3; i++) {
      const client = stage.ask(authorized("Type1"));
      client.send(authorized("Type3"));
      stage.sim.drive();
      client.send(GET.replace("GET", "HEAD"));
      stage.sim.drive();
      assert.deepEqual(statusesTo(client, ["GET", "GET", "HEAD"]), [401, 200, 401]);
    }
    const links = [...stage.origin.links, ...second.links];
    assert.deepEqual(
      links.map(({ requests }) => requests.length),
      [3, 3, 3],
    );
    assert.ok(stage.origin.links.length > 0 && second.links.length > 0, "though the balancer uses both servers");
    await stage.sim.until(second.close(), 1_000);
  });
});

describe("the first head of a connection", () => {
  it("has one deadline from the connection on, whenever its first byte comes", async () => {
    stage = await stageWith();
    const client = stage.client();
    stage.sim.drive();
    stage.sim.advance(9_900);
    client.send("G");
    stage.after(100, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [408]);
  });

  it("leaves the next one a deadline of its own", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    stage.sim.advance(9_900);
    client.send("G");
    stage.after(10_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [200, 408]);
  });
});

describe("Expect: 100-continue", () => {
  const expecting = (bytes: number): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`;

  /** A client that waits for the 100, which comes after `delayMs`, and then sends as `upload` does. */
  async function upload(bytes: number, delayMs: number, send: (client: ReturnType<Stage["ask"]>) => void) {
    stage = await stageWith({
      script: {
        onHead: (_head, { peer }) =>
          void stage.sim.clock.appoint(delayMs, () => peer.send("HTTP/1.1 100 Continue\r\n\r\n")),
      },
    });
    const client = stage.client();
    client.onReceive = () => {
      if (client.text() === "HTTP/1.1 100 Continue\r\n\r\n") send(client);
    };
    client.send(expecting(bytes));
    stage.sim.drive();
    stage.sim.advance(delayMs + 60_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.origin.requests[0]?.body, patternOf(bytes));
    assert.equal(stage.exchanges[0]?.fault, "");
  }

  it("waits for a server that takes 20 s to say 100", () =>
    upload(100, 20_000, (client) => client.send(patternOf(100))));

  it("does not hold that time against the pace of the body", () =>
    upload(20_000, 20_000, (client) => void drip(stage, client, patternOf(20_000), { bytes: 1_000, everyMs: 1_000 })));
});

describe("the length of a response to HEAD", () => {
  for (const [written, meant] of [
    ["010", "10"],
    ["0000", "0"],
    ["10", "10"],
  ]) {
    it(`${written} goes on as ${meant}`, async () => {
      stage = await stageWith({ script: { onRequest: () => `HTTP/1.1 200 OK\r\nContent-Length: ${written}\r\n\r\n` } });
      const client = stage.ask(GET.replace("GET", "HEAD"));
      assert.match(client.text(), new RegExp(`\r\nContent-Length: ${meant}\r\n`, "i"));
      assert.deepEqual([count(), idle()], [1, 1]);
    });
  }
});
