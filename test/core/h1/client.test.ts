import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { bytesOf } from "../../../core/bytes/text.ts";
import type { Fault } from "../../../core/fault.ts";
import { ClientConnection } from "../../../core/h1/client.ts";
import type { Fields } from "../../../core/http/fields.ts";
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  METHOD_GET,
  METHOD_HEAD,
  METHOD_POST,
  type ResponseHead,
} from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import type { ResponseHandler } from "../../../core/http/wire.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, HIGH_WATER_BYTES, TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { Peer } from "../../../testing/peer.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";
import { addressOf, textOfBytes } from "../../../testing/wire.ts";
import { requestHead } from "../http/heads.ts";
import { RESPONSE_BOUNDS } from "./feed.ts";

/** One connection to a server that says what the test says. */

let sim: Simulation;
let connection: ClientConnection;
let server: Peer;
let told: string[];
let isClosed: boolean;

const handler: ResponseHandler = {
  onInterim: (head: ResponseHead) => void told.push(`interim ${head.status}`),
  onHead: (head: ResponseHead) => void told.push(`head ${head.status}`),
  onBodyPiece: (bytes, start, end) => void told.push(`body ${textOfBytes(bytes.subarray(start, end))}`),
  onEnd: (trailers: Fields | null) => void told.push(trailers === null ? "end" : `end with ${trailers.count} trailers`),
  onFlush() {},
  onWritable: () => void told.push("writable"),
  onFault: (reason: Fault) => void told.push(`fault ${reason.code}`),
};

const rules = { limits: DEFAULT_LIMITS, timeouts: DEFAULT_TIMEOUTS, responseBounds: RESPONSE_BOUNDS };

beforeEach(() => {
  sim = createSimulation({ seed: 1 });
  told = [];
  isClosed = false;
  const timers = new Timers(sim.runtime.now());
  sim.runtime.every(TICK_MS, () => timers.advance(sim.runtime.now()));
  const hear = (peer: Peer): void => {
    server = peer;
  };
  sim.serve("127.0.0.1:90", hear, { keepsHalfOpen: true });
  sim.runtime.connect(
    { address: addressOf("127.0.0.1:90"), highWaterBytes: HIGH_WATER_BYTES, tls: null },
    (_error, socket) => {
      if (socket === null) throw new Error("no connection");
      connection = new ClientConnection(socket, {
        timers,
        slab: new Slab(),
        poolIdleMs: 60_000,
        onStrayBody: () => void told.push("stray body"),
        onConnectionClosed() {
          isClosed = true;
        },
      });
    },
  );
  sim.drive();
});

const incoming = requestHead("GET /x HTTP/1.1\nHost: a");

function begin(method = METHOD_GET, asksUpgrade = false): void {
  connection.begin(handler, rules, method, asksUpgrade);
  const head = new OutgoingHead();
  head.fields = incoming.fields;
  head.method = "GET";
  head.target = "/x";
  connection.head(head, incoming);
  connection.end(null);
  sim.drive();
}

function say(text: string): void {
  server.send(text);
  sim.drive();
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("a cycle on an upstream connection", () => {
  it("is a request, a response, and then rest", () => {
    begin();
    assert.equal(server.text(), "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    say(OK);
    assert.deepEqual(told, ["head 200", "body ok", "end"]);
    assert.ok(connection.isReusable && !connection.isReused);
    connection.rest();
    begin();
    assert.ok(connection.isReused);
    say(OK);
    assert.equal(told.length, 6);
  });

  it("that takes long leaves its head readable where it is moved to", () => {
    let head: ResponseHead | null = null;
    const patient: ResponseHandler = {
      ...handler,
      onHead(seen) {
        head = seen;
      },
    };
    connection.begin(patient, rules, METHOD_GET, false);
    connection.head(new OutgoingHead(), incoming);
    connection.end(null);
    sim.drive();
    say("HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\n");
    sim.advance(DEFAULT_TIMEOUTS.responseIdleMs - 1_000);
    say("o");
    sim.advance(2_000);
    assert.equal(head!.fields.value("x"), "y");
  });

  it("takes its body in pieces, chunked where the request is", () => {
    connection.begin(handler, rules, METHOD_POST, false);
    const head = new OutgoingHead();
    head.method = "POST";
    head.target = "/";
    head.body = BODY_CHUNKED;
    connection.head(head, incoming);
    connection.body(bytesOf("abc"), 0, 3);
    connection.body(bytesOf("xdex"), 1, 3);
    connection.end(null);
    sim.drive();
    assert.equal(
      server.text(),
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
  });

  it("may not begin before the last one is over", () => {
    begin();
    assert.throws(() => begin(), /not idle/);
  });

  it("ends a response by length, chunks, and the connection", () => {
    begin();
    say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n");
    assert.deepEqual(told.splice(0), ["head 200", "body ab", "end with 1 trailers"]);
    connection.rest();
    begin();
    say("HTTP/1.1 200 OK\r\n\r\nab");
    assert.ok(!told.includes("end"));
    server.end();
    sim.drive();
    assert.deepEqual(told, ["head 200", "body ab", "end"]);
    assert.ok(!connection.isReusable);
  });

  it("has no body for HEAD", () => {
    begin(METHOD_HEAD);
    say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    assert.deepEqual(told, ["head 200", "end"]);
    assert.ok(connection.isReusable);
  });

  for (const [method, head] of [
    [METHOD_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"],
    [METHOD_GET, "HTTP/1.1 204 No Content\r\n\r\n"],
    [METHOD_GET, "HTTP/1.1 304 Not Modified\r\n\r\n"],
  ] as const) {
    it(`takes a body behind what has none for no response, whenever it comes: ${head.slice(9, 12)}`, () => {
      begin(method);
      say(head);
      connection.rest();
      begin();
      told = [];
      say("body\r\n");
      assert.deepEqual(told, ["stray body", "fault upstream.stray-body"]);
    });

    it(`tells of such a body that comes while it rests: ${head.slice(9, 12)}`, () => {
      begin(method);
      say(head);
      connection.rest();
      told = [];
      say("body");
      assert.deepEqual(told, ["stray body"]);
      assert.ok(isClosed);
    });

    it(`takes a goodbye that comes while it rests for no such body: ${head.slice(9, 12)}`, () => {
      begin(method);
      say(head);
      connection.rest();
      told = [];
      say("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nslow");
      assert.deepEqual(told, []);
      assert.ok(isClosed);
    });
  }

  it("takes what begins as a response for no such body, however it goes on", () => {
    begin(METHOD_HEAD);
    say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    connection.rest();
    begin();
    told = [];
    say("HTTP/1.1 200 OK\r\nno-colon\r\n\r\n");
    assert.deepEqual(told, ["fault upstream.no-colon"]);
  });

  it("takes a line that is too long to be the first of a response for such a body", () => {
    begin(METHOD_HEAD);
    say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    connection.rest();
    begin();
    told = [];
    say("x".repeat(100_000));
    assert.deepEqual(told, ["stray body", "fault upstream.stray-body"]);
  });

  it("takes what comes behind other responses for no such body", () => {
    for (const method of [METHOD_HEAD, METHOD_GET]) {
      begin(method);
      say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      connection.rest();
    }
    begin();
    told = [];
    say("body\r\n");
    assert.deepEqual(told, ["fault upstream.bad-status-line"]);
  });

  it("passes interim responses, so many", () => {
    begin();
    say("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(8));
    say(OK);
    assert.deepEqual(told, [...Array(8).fill("interim 103"), "head 200", "body ok", "end"]);
    told = [];
    connection.rest();
    begin();
    say("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9));
    assert.equal(told.at(-1), "fault upstream.too-many-interim");
  });
});

describe("doubt about an upstream connection", () => {
  const answers: [string, string][] = [
    ["Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["bytes behind the response", `${OK}x`],
  ];
  for (const [why, text] of answers) {
    it(`${why}: not used again`, () => {
      begin();
      say(text);
      assert.equal(told.at(-1), "end");
      assert.ok(!connection.isReusable);
    });
  }

  it("HTTP/1.0 with keep-alive is none", () => {
    begin();
    say("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    assert.ok(connection.isReusable);
  });

  it("a response before the request is complete: not used again unless the rest follows", () => {
    connection.begin(handler, rules, METHOD_POST, false);
    const head = new OutgoingHead();
    head.method = "POST";
    head.target = "/";
    head.body = BODY_LENGTH;
    head.contentLength = 3;
    connection.head(head, incoming);
    connection.flush();
    say(OK);
    assert.equal(told.at(-1), "end");
    assert.ok(!connection.isReusable);
  });

  it("anything while it rests closes it", () => {
    begin();
    say(OK);
    connection.rest();
    say("x");
    assert.ok(connection.isClosed && isClosed);
  });

  it("the end while it rests closes it", () => {
    begin();
    say(OK);
    connection.rest();
    server.end();
    sim.drive();
    assert.ok(connection.isClosed && isClosed);
  });

  it("being spoilt, or a server that stays a second only", () => {
    begin();
    connection.spoil();
    say(OK);
    assert.ok(!connection.isReusable);
  });
});

describe("failures of an upstream connection", () => {
  for (const [what, leave, expected] of [
    ["FIN before the response", () => server.end(), "fault upstream.closed"],
    ["RST before the response", () => server.reset(), "fault upstream.reset"],
  ] as const) {
    it(`${what}: ${expected}`, () => {
      begin();
      leave();
      sim.drive();
      assert.deepEqual(told, [expected]);
      assert.ok(isClosed && !connection.hasHeard);
    });
  }

  for (const how of ["end", "reset"] as const) {
    it(`${how} within the response: truncated`, () => {
      begin();
      say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
      server[how]();
      sim.drive();
      assert.deepEqual(told, ["head 200", "body ab", "fault upstream.truncated"]);
    });
  }

  it("an open-ended response that is reset is truncated, too", () => {
    begin();
    say("HTTP/1.1 200 OK\r\n\r\nab");
    server.reset();
    sim.drive();
    assert.equal(told.at(-1), "fault upstream.truncated");
  });

  it("what is no response", () => {
    begin();
    say("HTTP/1.1 200\nX: y\n\n");
    assert.match(told[0] ?? "", /^fault upstream\./);
    assert.ok(connection.hasHeard);
  });

  it("a broken body", () => {
    begin();
    say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nX\r\n");
    assert.equal(told.at(-1), "fault upstream.bad-chunk-size");
  });

  it("a switch nobody asked for", () => {
    begin();
    say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    assert.deepEqual(told, ["fault upstream.unexpected-upgrade"]);
  });

  it("silence before and within the response", () => {
    begin();
    sim.advance(60_200);
    assert.deepEqual(told, ["fault upstream.first-byte-timeout"]);
  });

  it("silence within the response; not while held, and longer when allowed", () => {
    begin();
    say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
    connection.hold();
    sim.advance(100_000);
    connection.release();
    connection.allowSilence(120_000);
    sim.advance(110_000);
    assert.deepEqual(told, ["head 200", "body a"]);
    sim.advance(20_000);
    assert.equal(told.at(-1), "fault upstream.response-timeout");
  });

  it("nothing follows a fault", () => {
    begin();
    server.send("HTTP/1.1 200\n");
    server.send(OK);
    server.end();
    sim.drive();
    assert.equal(told.length, 1);
  });
});

describe("the tunnel of an upstream connection", () => {
  it("passes bytes both ways, each with its own end, and is never used again", () => {
    begin(METHOD_GET, true);
    say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nglued");
    connection.body(bytesOf("up"), 0, 2);
    connection.flush();
    say("down");
    connection.end(null);
    sim.drive();
    assert.deepEqual(told, ["head 101", "body glued", "body down"]);
    assert.match(server.text(), /\r\n\r\nup$/);
    assert.equal(server.closed, "end");
    assert.ok(!connection.isReusable);
    say("more");
    server.end();
    sim.drive();
    assert.deepEqual(told.slice(3, 5), ["body more", "end"]);
    assert.ok(isClosed);
  });

  it("lives as long as either side moves, and is reset when it is given up", () => {
    begin(METHOD_GET, true);
    say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    sim.advance(3_500_000);
    connection.body(bytesOf("x"), 0, 1);
    connection.flush();
    sim.advance(3_500_000);
    assert.deepEqual(told, ["head 101"]);
    connection.close();
    sim.drive();
    assert.equal(server.closed, "reset");
  });
});

describe("rest", () => {
  it("ends after the pool's time", () => {
    begin();
    say(OK);
    connection.rest();
    sim.advance(59_900);
    assert.ok(!isClosed);
    sim.advance(300);
    assert.ok(isClosed);
  });

  it("ends a second before the server would", () => {
    begin();
    connection.shortenIdle(5);
    say(OK);
    connection.rest();
    sim.advance(3_900);
    assert.ok(!isClosed);
    sim.advance(300);
    assert.ok(isClosed);
  });

  it("does not begin with a server that stays a second", () => {
    begin();
    connection.shortenIdle(1);
    say(OK);
    assert.ok(!connection.isReusable);
  });

  it("is not lengthened by the server", () => {
    begin();
    connection.shortenIdle(9_999);
    say(OK);
    connection.rest();
    sim.advance(60_200);
    assert.ok(isClosed);
  });
});

describe("a response whose handler has yet to decide", () => {
  const defers: ResponseHandler = {
    ...handler,
    onHead(head: ResponseHead) {
      handler.onHead(head);
      connection.defer();
    },
  };

  function beginDeferred(): void {
    connection.begin(defers, rules, METHOD_GET, false);
    const head = new OutgoingHead();
    head.method = "GET";
    head.target = "/x";
    connection.head(head, incoming);
    connection.end(null);
    sim.drive();
  }

  it("waits with its body until it is told to go on, and for as long as it takes", () => {
    beginDeferred();
    say("HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nab");
    say("cd");
    connection.release();
    sim.advance(DEFAULT_TIMEOUTS.responseIdleMs * 2);
    assert.deepEqual(told.splice(0), ["head 503"]);
    connection.goOn();
    assert.deepEqual(told.splice(0), ["body ab"]);
    sim.drive();
    assert.deepEqual(told, ["body cd", "end"]);
    assert.ok(connection.isReusable);
  });

  it("may be complete already, or have no body", () => {
    for (const [text, parts] of [
      [OK, ["head 200", "body ok", "end"]],
      ["HTTP/1.1 204 x\r\n\r\n", ["head 204", "end"]],
    ] as const) {
      beginDeferred();
      say(text);
      connection.goOn();
      connection.goOn();
      assert.deepEqual(told.splice(0), parts);
      connection.rest();
    }
  });

  it("may be dropped", () => {
    beginDeferred();
    say(OK);
    connection.close();
    connection.goOn();
    sim.drive();
    assert.deepEqual(told, ["head 200"]);
    assert.ok(isClosed);
  });

  for (const [text, parts] of [
    [OK, ["body ok", "end"]],
    ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", ["body ok", "fault upstream.truncated"]],
  ] as const) {
    it(`outlives its connection as far as it has come: ${parts.join(", ")}`, () => {
      beginDeferred();
      say(text);
      server.reset();
      sim.drive();
      assert.deepEqual(told.splice(0), ["head 200"]);
      connection.goOn();
      sim.drive();
      assert.deepEqual(told, parts);
      assert.ok(!connection.isReusable);
      connection.close();
      assert.ok(isClosed);
    });
  }

  it("is deferred within its head only", () => {
    begin();
    assert.throws(() => connection.defer(), /outside its head/);
  });
});
