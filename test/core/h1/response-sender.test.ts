import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { bytesOf } from "../../../core/bytes/text.ts";
import { ResponseSender } from "../../../core/h1/response-sender.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_UNTIL_CLOSE } from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";
import { fieldsOf } from "../http/heads.ts";

let socket: RecordingSocket;
let sender: ResponseSender;
let timers: Timers;
let stalled: string[];

beforeEach(() => {
  socket = new RecordingSocket();
  timers = new Timers(0);
  stalled = [];
  sender = new ResponseSender(socket, new Slab(), timers, ({ code }) => stalled.push(code));
});

function headOf(body: number, contentLength = -1): OutgoingHead {
  const head = new OutgoingHead();
  head.status = 200;
  head.body = body;
  head.contentLength = contentLength;
  return head;
}

function say(text: string): boolean {
  return sender.body(bytesOf(text), 0, text.length);
}

describe("framing for a client", () => {
  for (const [body, isHttp10, mayKeep, keeps, expected] of [
    [BODY_LENGTH, false, true, true, "Content-Length: 2\r\n\r\nok"],
    [BODY_LENGTH, false, false, false, "Connection: close\r\nContent-Length: 2\r\n\r\nok"],
    [BODY_LENGTH, true, true, true, "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok"],
    [BODY_LENGTH, true, false, false, "Connection: close\r\nContent-Length: 2\r\n\r\nok"],
    [BODY_CHUNKED, false, true, true, "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    [BODY_UNTIL_CLOSE, false, true, true, "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    [BODY_CHUNKED, true, true, false, "Connection: close\r\n\r\nok"],
    [BODY_UNTIL_CLOSE, true, true, false, "Connection: close\r\n\r\nok"],
  ] as const) {
    it(`body ${body}, HTTP/1.${isHttp10 ? 0 : 1}, ${mayKeep ? "to be kept" : "the last"}`, () => {
      const head = headOf(body, body === BODY_LENGTH ? 2 : -1);
      assert.equal(sender.frame(head, isHttp10, mayKeep), keeps);
      assert.equal(sender.isUntilClose, isHttp10 && body !== BODY_LENGTH);
      sender.head(head);
      say("ok");
      sender.end(null);
      assert.equal(socket.written, `HTTP/1.1 200 OK\r\n${expected}`);
    });
  }

  it("has trailers behind chunks only", () => {
    const head = headOf(BODY_CHUNKED);
    sender.frame(head, false, true);
    sender.head(head);
    sender.end(fieldsOf("T: 1"));
    assert.match(socket.written, /\r\n\r\n0\r\nT: 1\r\n\r\n$/);
  });

  it("ends with FIN behind everything", () => {
    const head = headOf(BODY_LENGTH, 2);
    sender.frame(head, false, false);
    sender.head(head);
    say("ok");
    sender.finish(false);
    assert.ok(socket.isEnded);
    assert.match(socket.written, /ok$/);
  });
});

describe("a client that falls behind", () => {
  const advance = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += TICK_MS) timers.advance(timers.nowMs + TICK_MS);
  };

  beforeEach(() => {
    sender.expect(60_000, 500);
    const head = headOf(BODY_LENGTH, 1_000_000);
    sender.frame(head, false, true);
    sender.head(head);
    socket.accepts = false;
    socket.queuedBytes = 10_000;
    assert.equal(say("x".repeat(10_000)), false);
    assert.ok(sender.isBlocked);
  });

  it("is given up when it takes too little, after the grace", () => {
    socket.queuedBytes = 9_000;
    advance(9_900);
    assert.deepEqual(stalled, []);
    advance(6_000);
    assert.deepEqual(stalled, ["client.reads-too-slowly"]);
  });

  it("is given up when it takes nothing", () => {
    sender.expect(60_000, 0);
    advance(60_000);
    assert.deepEqual(stalled, []);
    advance(6_000);
    assert.deepEqual(stalled, ["client.send-timeout"]);
  });

  it("is waited for while it takes enough", () => {
    for (let second = 0; second < 15; second++) {
      socket.queuedBytes -= 600;
      advance(1_000);
    }
    assert.deepEqual(stalled, []);
  });

  it("is watched no more when it has caught up, or is gone", () => {
    socket.accepts = true;
    socket.queuedBytes = 0;
    sender.drained();
    assert.ok(!sender.isBlocked);
    advance(100_000);
    socket.accepts = false;
    say("x".repeat(10_000));
    sender.close();
    advance(100_000);
    assert.deepEqual(stalled, []);
  });
});
