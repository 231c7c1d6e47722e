import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { bytesOf } from "../../../core/bytes/text.ts";
import type { Fault } from "../../../core/fault.ts";
import * as fault from "../../../core/fault.ts";
import { ServerConnection } from "../../../core/h1/server.ts";
import type { Fields } from "../../../core/http/fields.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type RequestHead } from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import type { RequestHandler } from "../../../core/http/wire.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  HIGH_WATER_BYTES,
  LINGER_MS,
  REST_MS,
  TICK_MS,
} from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Peer } from "../../../testing/peer.ts";
import { createSimulation, type EndOptions, type Simulation, type SimulationOptions } from "../../../testing/sim.ts";
import { POISON } from "../../../testing/sim-memory.ts";
import { addressOf, textOfBytes } from "../../../testing/wire.ts";
import { REQUEST_BOUNDS } from "./feed.ts";

/** One connection with a handler that only writes down what it is told. */

let sim: Simulation;
let connection: ServerConnection;
let told: string[];
let isClosed: boolean;
let keepsConnections: boolean;
let timersOf: Timers;

class Recorder implements RequestHandler {
  begin(): void {}
  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    told.push(`body ${textOfBytes(bytes.subarray(start, end))}`);
  }
  onEnd(trailers: Fields | null): void {
    told.push(trailers === null ? "end" : `end with ${trailers.count} trailers`);
  }
  onFlush(): void {}
  onWritable(): void {
    told.push("writable");
  }
  onFault(reason: Fault): void {
    told.push(`fault ${reason.code}`);
  }
}

/** Answers as soon as a request begins; null: later. */
let answerAtOnce: ((head: RequestHead) => void) | null;

beforeEach(() => begin());

async function begin(options: Partial<SimulationOptions> = {}): Promise<void> {
  sim = createSimulation({ seed: 1, ...options });
  told = [];
  isClosed = false;
  keepsConnections = true;
  answerAtOnce = null;
  const timers = new Timers(sim.runtime.now());
  timersOf = timers;
  const slab = new Slab();
  sim.runtime.every(TICK_MS, () => timers.advance(sim.runtime.now()));
  await sim.runtime.listen(
    { address: addressOf("127.0.0.1:80"), backlog: 1, reusePort: false, highWaterBytes: HIGH_WATER_BYTES, tls: null },
    {
      onSocket(socket) {
        connection = new ServerConnection(socket, {
          timers,
          slab,
          limits: DEFAULT_LIMITS,
          timeouts: DEFAULT_TIMEOUTS,
          requestBounds: REQUEST_BOUNDS,
          keepsConnection: () => keepsConnections,
          openExchange(head) {
            told.push(`request ${head.methodText} ${head.targetText}`);
            answerAtOnce?.(head);
            return new Recorder();
          },
          refuse(reason) {
            told.push(`refuse ${reason.code}`);
            respond("no", reason.status);
          },
          onConnectionClosed() {
            isClosed = true;
          },
        });
      },
      onAcceptError() {},
    },
  );
}

function connect(text: string, end: EndOptions = {}): Peer {
  const peer = sim.connect("127.0.0.1:80", end);
  peer.send(text);
  sim.drive();
  return peer;
}

function respond(body: string, status = 200): void {
  const head = new OutgoingHead();
  head.status = status;
  head.body = BODY_LENGTH;
  head.contentLength = body.length;
  connection.head(head);
  const bytes = bytesOf(body);
  connection.body(bytes, 0, bytes.length);
  connection.end(null);
}

function respondOpenEnded(...pieces: string[]): void {
  const head = new OutgoingHead();
  head.status = 200;
  head.body = BODY_CHUNKED;
  connection.head(head);
  for (const piece of pieces) connection.body(bytesOf(piece), 0, piece.length);
  connection.flush();
}

const GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

describe("requests on a client connection", () => {
  it("are told one after the other, each when its predecessor is answered", () => {
    const peer = connect(GET + GET.replace("x", "y"));
    assert.deepEqual(told, ["request GET /x", "end"]);
    respond("one");
    sim.drive();
    assert.deepEqual(told.slice(2), ["request GET /y", "end"]);
    respond("two");
    sim.drive();
    assert.equal(
      peer.text(),
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo",
    );
    assert.ok(connection.isIdle);
  });

  it("give the chunk they came in back when they are answered, all those that came in it", () => {
    const peer = connect(GET + GET);
    const released: string[] = [];
    const { socket } = connection;
    const release = socket.release.bind(socket);
    socket.release = (bytes) => {
      released.push(textOfBytes(bytes.filter((byte) => byte !== POISON)));
      release(bytes);
    };
    respond("one");
    sim.drive();
    assert.deepEqual(released, []);
    respond("two");
    assert.deepEqual(released, [GET + GET]);
    peer.send(GET);
    sim.drive();
    respond("three");
    assert.deepEqual(released, [GET + GET, GET]);
  });

  it("are told with their body in pieces and its trailers", () => {
    connect("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n", {
      segments: { kind: "bytes" },
    });
    assert.deepEqual(told, ["request POST /", "body a", "body b", "body c", "end with 1 trailers"]);
  });

  it("may be answered before they are told in full", () => {
    answerAtOnce = () => respond("early");
    const peer = connect(GET + GET);
    assert.equal(peer.text().split("early").length, 3);
    assert.ok(connection.isIdle);
  });

  it("have not begun with the empty line that some send behind a body", () => {
    const peer = connect(`${GET.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\na")}\r\n`);
    respond("x");
    sim.drive();
    assert.ok(connection.isIdle);
    sim.advance(DEFAULT_TIMEOUTS.requestHeadMs + 1_000);
    peer.send("\r\n");
    sim.drive();
    assert.ok(connection.isIdle);
    assert.equal(peer.text().split("HTTP/1.1 ").length, 2, "no 408");
    peer.send(GET);
    sim.drive();
    assert.equal(told.at(-2), "request GET /x");
  });

  it("are not idle while half a head is there", () => {
    connect("GET");
    assert.ok(!connection.isIdle);
  });

  it("that break the rules are refused, and nothing behind them is read", () => {
    const peer = connect(`GET / HTTP/1.1\r\n\r\n${GET}`);
    assert.deepEqual(told, ["refuse client.bad-host"]);
    assert.match(peer.text(), /^HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n/);
    assert.equal(peer.closed, "end");
  });

  it("with a broken body are told as a fault, and the handler answers", () => {
    const peer = connect("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX\r\n");
    assert.deepEqual(told, ["request POST /", "fault client.bad-chunk-size"]);
    respond("bad", 400);
    sim.drive();
    assert.match(peer.text(), /400 Bad Request\r\nConnection: close\r\n/);
    assert.equal(peer.closed, "end");
  });

  it("that never become complete end with the client", () => {
    const peer = connect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    peer.end();
    sim.drive();
    assert.deepEqual(told, ["request POST /", "body ab", "fault client.closed"]);
    assert.ok(isClosed && connection.isClosed);
  });

  it("are given up when the client resets", () => {
    connect(GET).reset();
    sim.drive();
    assert.deepEqual(told, ["request GET /x", "end", "fault client.reset"]);
    assert.ok(isClosed);
  });

  it("wait while the connection is held", () => {
    const peer = connect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
    connection.hold();
    peer.send("cd");
    sim.advance(30_000);
    assert.deepEqual(told.slice(1), ["body ab"], "and holding is not counted against the client");
    connection.release();
    sim.drive();
    assert.deepEqual(told.slice(1), ["body ab", "body cd"]);
  });
});

describe("responses on a client connection", () => {
  it("of unknown length are chunked for HTTP/1.1", () => {
    const peer = connect(GET);
    respondOpenEnded("abc", "de");
    connection.end(null);
    sim.drive();
    assert.match(peer.text(), /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n$/);
    assert.ok(connection.isIdle);
  });

  it("of unknown length end with the connection for HTTP/1.0, and are cut by a reset", () => {
    const peer = connect("GET / HTTP/1.0\r\n\r\n");
    respondOpenEnded("abc", "de");
    sim.drive();
    assert.match(peer.text(), /^HTTP\/1.1 200 OK\r\nConnection: close\r\n\r\nabcde$/);
    connection.abort();
    sim.drive();
    assert.equal(peer.closed, "reset");
  });

  it("to an HTTP/1.0 client that asked for it keep the connection, and say so", () => {
    const peer = connect("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    respond("x");
    sim.drive();
    assert.match(peer.text(), /\r\nConnection: keep-alive\r\n/);
    assert.ok(connection.isIdle);
  });

  it("say close while draining, when told to, and when the client did", () => {
    const ways: [string, () => void][] = [
      [GET, () => void (keepsConnections = false)],
      [GET, () => connection.closeAfterResponse()],
      [GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), () => {}],
    ];
    for (const [request, prepare] of ways) {
      keepsConnections = true;
      const peer = connect(request);
      prepare();
      respond("x");
      sim.drive();
      assert.match(peer.text(), /\r\nConnection: close\r\n/);
      assert.equal(peer.closed, "end");
    }
  });

  it("to the last request of a client close without waiting for it, unless it has more to say or much to receive", () => {
    const last = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    const withBody = last.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\na");
    const ways: [string, boolean, string?][] = [
      [last, true],
      [last, true, "x".repeat(10_000)],
      // An RST would take what the kernel has not sent yet.
      [last, false, "x".repeat(20_000)],
      // Those of HTTP/1.0 promise nothing.
      ["GET / HTTP/1.0\r\n\r\n", false],
      // Old clients send an empty line behind a body.
      [withBody, false],
      [last + GET, false],
    ];
    for (const [request, closesAtOnce, body = "x"] of ways) {
      isClosed = false;
      const peer = connect(request, { keepsHalfOpen: true });
      respond(body);
      sim.drive();
      assert.ok(peer.text().endsWith(`\r\n\r\n${body}`));
      assert.equal(peer.closed, "end");
      assert.equal(isClosed, closesAtOnce, request);
      sim.advance(3_000);
      assert.ok(isClosed);
    }
  });

  it("of a client that has said all are not read against until a while has passed, where reads are dear", async () => {
    await begin({ restsReading: true });
    const last = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    const quick = connect(last);
    quick.end();
    sim.drive();
    respond("x");
    sim.drive();
    assert.ok(quick.text().endsWith("x"));
    assert.ok(isClosed);
    const gone = connect(last);
    told = [];
    gone.reset();
    sim.advance(REST_MS + 2 * TICK_MS);
    assert.deepEqual(told, ["fault client.reset"]);
    const pipelined = connect(last + GET);
    pipelined.end();
    respond("x");
    sim.advance(3_000);
    assert.equal(pipelined.closed, "end");
  });

  it("that end before the body is read tell nobody of the rest, and are followed by the next request", () => {
    const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
    answerAtOnce = () => respond("early");
    const peer = connect(post);
    assert.ok(connection.isIdle);
    assert.equal(connection.handler, null);
    connection.leave(DEFAULT_TIMEOUTS.keepAliveIdleMs);
    peer.send(`cd${GET}`);
    sim.drive();
    assert.deepEqual(told, ["request POST /", "request GET /x", "end"]);
    answerAtOnce = null;
    peer.send(post);
    sim.drive();
    connection.hold();
    respond("late");
    peer.send(`cd${GET}`);
    sim.drive();
    assert.deepEqual(told.slice(3), ["request POST /", "body ab", "request GET /x", "end"]);
    assert.doesNotMatch(peer.text(), /close/);
  });

  it("that end before the body is read are not waited behind for long, or not at all when told to leave", () => {
    for (const [delayMs, closesMs] of [
      [-1, LINGER_MS],
      [500, 500],
      [0, 0],
    ] as const) {
      answerAtOnce = () => respond("early");
      const peer = connect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
      if (delayMs >= 0) connection.leave(delayMs);
      if (closesMs > 0) {
        sim.advance(closesMs - TICK_MS);
        assert.equal(peer.closed, null);
      }
      sim.advance(4 * TICK_MS);
      assert.equal(peer.closed, "end");
    }
  });

  it("that break off close the connection", () => {
    const peer = connect(GET);
    respondOpenEnded("abc");
    connection.abort();
    sim.drive();
    assert.doesNotMatch(peer.text(), /\r\n0\r\n/);
    assert.equal(peer.closed, "end");
    assert.ok(isClosed);
  });

  it("that break off in the turn they began in can be seen to have begun", () => {
    const peer = connect(GET);
    const head = new OutgoingHead();
    head.status = 200;
    head.body = BODY_CHUNKED;
    connection.head(head);
    connection.body(bytesOf("abc"), 0, 3);
    connection.abort();
    sim.drive();
    assert.match(peer.text(), /^HTTP\/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n$/);
    assert.equal(peer.closed, "end");
  });

  it("answer false above the high mark, and tell when there is room again", () => {
    const peer = connect(GET);
    peer.stopReading();
    const head = new OutgoingHead();
    head.status = 200;
    head.body = BODY_CHUNKED;
    connection.head(head);
    let pieces = 0;
    while (connection.body(new Uint8Array(50_000).fill(0x61), 0, 50_000)) pieces++;
    assert.ok(pieces >= 2 && pieces < 6, `${pieces}`);
    assert.ok(!told.includes("writable"));
    peer.readOn();
    sim.drive();
    assert.equal(told.filter((each) => each === "writable").length, 1);
  });

  it("may be preceded by interim ones, except for HTTP/1.0", () => {
    for (const [request, expected] of [
      [GET, /^HTTP\/1.1 103 /],
      [GET.replace("1.1", "1.0"), /^HTTP\/1.1 200 /],
    ] as const) {
      const peer = connect(request);
      const head = new OutgoingHead();
      head.status = 103;
      head.body = BODY_NONE;
      connection.interim(head);
      respond("x");
      sim.drive();
      assert.match(peer.text(), expected);
    }
  });
});

describe("the tunnel of a client connection", () => {
  function tunnel(extra = "", options = "Upgrade", justBefore = (): void => {}): Peer {
    const upgrade = `\r\nConnection: ${options}\r\nUpgrade: foo\r\n\r\n`;
    const peer = connect(GET.replace("\r\n\r\n", upgrade) + extra, { keepsHalfOpen: true });
    const head = new OutgoingHead();
    head.status = 101;
    connection.head(head);
    justBefore();
    connection.openTunnel();
    sim.drive();
    return peer;
  }

  it("gives back the chunk that its head came in, which may be others', too, for as long as the tunnel lives", () => {
    const said: string[] = [];
    tunnel("glued", "Upgrade", () => {
      connection.socket.release = () => void said.push(told.at(-1)!);
    });
    assert.deepEqual(said, ["body glued"]);
  });

  it("passes bytes as they come, those behind the head first, and both ends apart", () => {
    const peer = tunnel("glued");
    peer.send("up");
    sim.drive();
    connection.body(bytesOf("down"), 0, 4);
    connection.flush();
    peer.end();
    sim.drive();
    assert.deepEqual(told.slice(1), ["end", "body glued", "body up", "end"]);
    connection.body(bytesOf("more"), 0, 4);
    connection.end(null);
    sim.drive();
    assert.match(peer.text(), /downmore$/);
    assert.equal(peer.closed, "end");
    assert.ok(isClosed);
  });

  it("is read at once, where reads of a client that has said all rest, too", async () => {
    await begin({ restsReading: true });
    const peer = tunnel("", "Upgrade, close");
    peer.send("up");
    sim.drive();
    assert.deepEqual(told.slice(1), ["end", "body up"]);
  });

  it("is cut by a reset", () => {
    const peer = tunnel();
    connection.abort();
    sim.drive();
    assert.equal(peer.closed, "reset");
  });
});

describe("the end of a client connection", () => {
  it("comes politely when it is idle, and not at all otherwise", () => {
    const peer = connect(GET);
    connection.leave(0);
    sim.advance(TICK_MS * 3);
    assert.equal(peer.closed, null);
    respond("x");
    sim.drive();
    connection.leave(0);
    sim.advance(TICK_MS * 3);
    assert.equal(peer.closed, "end");
  });

  it("leaves a last chance, once, however often it is said", () => {
    const peer = sim.connect("127.0.0.1:80");
    sim.drive();
    for (let i = 0; i < 9; i++) {
      connection.leave(1_000);
      sim.advance(100);
    }
    assert.equal(peer.closed, null);
    sim.advance(100 + TICK_MS * 3);
    assert.equal(peer.closed, "end");
  });

  it("serves what comes in that time, and gives its head the time of any other", () => {
    const peer = sim.connect("127.0.0.1:80");
    sim.drive();
    sim.advance(4_000);
    connection.leave(1_000);
    peer.send(GET.slice(0, 10));
    sim.advance(8_000);
    peer.send(GET.slice(10));
    sim.drive();
    respond("x");
    sim.drive();
    assert.match(peer.text(), /^HTTP\/1.1 200 /);
    assert.equal(peer.closed, null, "nobody said that it is to end after that");
  });

  it("at once gives up the request under way", () => {
    connect(GET);
    connection.close();
    sim.drive();
    assert.deepEqual(told, ["request GET /x", "end", `fault ${fault.DRAINING.code}`]);
    assert.ok(isClosed);
  });

  it("of a client that does not leave comes after a moment", () => {
    const peer = connect(GET.replace("1.1", "1.0"), { keepsHalfOpen: true });
    respond("x");
    sim.advance(1_900);
    assert.ok(!isClosed);
    sim.advance(300);
    assert.ok(isClosed);
    assert.equal(peer.closed, "end");
  });

  it("leaves no deadline", () => {
    const peer = connect(GET);
    respond("x");
    sim.drive();
    peer.destroy();
    sim.drive();
    const at = timersOf.nowMs;
    sim.advance(200_000);
    assert.ok(timersOf.nowMs > at);
    assert.ok(isClosed);
  });
});
