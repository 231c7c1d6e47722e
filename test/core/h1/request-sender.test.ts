import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { bytesOf } from "../../../core/bytes/text.ts";
import { RequestSender } from "../../../core/h1/request-sender.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";
import { requestHead } from "../http/heads.ts";

const incoming = requestHead("GET / HTTP/1.1\nHost: a");

function begun(body: number): { sender: RequestSender; socket: RecordingSocket } {
  const socket = new RecordingSocket();
  const sender = new RequestSender();
  const head = new OutgoingHead();
  head.method = "POST";
  head.target = "/";
  head.body = body;
  sender.begin(socket, new Slab());
  sender.head(head, incoming);
  return { sender, socket };
}

describe("the sending half of an upstream connection", () => {
  it("is done at the end of the request, and sent when the server has its body", () => {
    const { sender, socket } = begun(BODY_LENGTH);
    sender.body(bytesOf("abc"), 0, 3);
    assert.ok(!sender.isDone && !sender.isSent);
    sender.end();
    assert.ok(sender.isDone && sender.isSent);
    socket.queuedBytes = 1;
    assert.ok(!sender.isSent);
    sender.begin(socket, new Slab());
    assert.ok(!sender.isDone);
    sender.end();
    assert.ok(sender.isSent, "without a body the head alone may wait");
  });

  it("frames chunks, and what has none as it comes", () => {
    for (const [body, text] of [
      [BODY_CHUNKED, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
      [BODY_NONE, "POST / HTTP/1.1\r\n\r\nabc"],
    ] as const) {
      const { sender, socket } = begun(body);
      sender.body(bytesOf("abc"), 0, 3);
      sender.end();
      assert.ok(socket.written.endsWith(text), socket.written);
    }
  });

  it("writes no chunk behind the last one: it would be the next request", () => {
    const { sender, socket } = begun(BODY_CHUNKED);
    sender.end();
    const { written } = socket;
    assert.throws(() => sender.body(bytesOf("GET / HTTP/1.1\r\n\r\n"), 0, 18), /behind its end/);
    sender.flush();
    assert.equal(socket.written, written);
  });

  it("tells whether the queue has shrunk since the last look", () => {
    const { sender, socket } = begun(BODY_LENGTH);
    socket.queuedBytes = 10;
    assert.ok(!sender.noteTaken());
    assert.ok(!sender.noteTaken());
    socket.queuedBytes = 9;
    assert.ok(sender.noteTaken());
    assert.ok(!sender.noteTaken());
  });
});
