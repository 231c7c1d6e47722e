import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Inbox } from "../../../core/bytes/inbox.ts";
import * as fault from "../../../core/fault.ts";
import { BodyReader } from "../../../core/h1/body-reader.ts";
import { BODY_CHUNKED, BODY_LENGTH, RequestHead } from "../../../core/http/message.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, LINGER_BYTES_MAX } from "../../../core/limits.ts";
import { bytesOfText, textOfBytes } from "../../../testing/wire.ts";
import { requestHead } from "../http/heads.ts";

let reader: BodyReader;
let inbox: Inbox;
let body: string;

const sink = {
  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    body += textOfBytes(bytes.subarray(start, end));
  },
};

beforeEach(() => {
  reader = new BodyReader();
  inbox = new Inbox();
  body = "";
});

function begin(framing: number, length: number, isExpecting = false): void {
  const head = isExpecting ? requestHead("PUT / HTTP/1.1\nExpect: 100-continue") : new RequestHead();
  head.body = framing;
  head.bodyLength = length;
  reader.begin(head, 0);
}

function feed(text: string, nowMs: number): number {
  inbox.append(bytesOfText(text), 0, text.length);
  return reader.read(inbox, DEFAULT_LIMITS, sink, nowMs);
}

const judge = (nowMs: number) => reader.judge(nowMs, DEFAULT_LIMITS, DEFAULT_TIMEOUTS);

describe("reading a body", () => {
  it("takes what belongs to it and leaves the rest", () => {
    begin(BODY_LENGTH, 5);
    assert.equal(feed("ab", 0), 0);
    assert.ok(!reader.isDone);
    assert.equal(feed("cdeGET", 0), 0);
    assert.ok(reader.isDone);
    assert.equal(body, "abcde");
    assert.equal(textOfBytes(inbox.bytes.subarray(inbox.start, inbox.end)), "GET");
    assert.equal(reader.trailers, null);
  });

  it("has trailers behind chunks, until the next body", () => {
    begin(BODY_CHUNKED, 0);
    feed("1\r\na\r\n0\r\nT: 1\r\n\r\n", 0);
    assert.equal(reader.trailers?.value("t"), "1");
    begin(BODY_LENGTH, 1);
    assert.equal(reader.trailers, null);
  });

  it("refuses what is broken", () => {
    begin(BODY_CHUNKED, 0);
    assert.equal(feed("X", 0), -fault.BAD_CHUNK_SIZE);
  });

  it("does not mind that its taker emptied the inbox", () => {
    begin(BODY_LENGTH, 5);
    inbox.append(bytesOfText("ab"), 0, 2);
    assert.equal(reader.read(inbox, DEFAULT_LIMITS, { onBodyPiece: () => inbox.clear() }, 0), 0);
    assert.equal(inbox.length, 0);
  });
});

describe("a body that nobody wants", () => {
  it("may be skipped up to a size, unless the client waits to be told to send it", () => {
    for (const [framing, length, isExpecting, may] of [
      [BODY_LENGTH, LINGER_BYTES_MAX, false, true],
      [BODY_LENGTH, LINGER_BYTES_MAX + 1, false, false],
      [BODY_CHUNKED, 0, false, true],
      [BODY_LENGTH, 1, true, false],
      [BODY_CHUNKED, 0, true, false],
    ] as const) {
      begin(framing, length, isExpecting);
      assert.equal(reader.maySkip, may, `${framing} ${length} ${isExpecting}`);
    }
  });

  it("may be skipped by its rest, and by what a chunk says of it", () => {
    begin(BODY_LENGTH, LINGER_BYTES_MAX + 1);
    feed("x", 0);
    assert.ok(reader.maySkip);
    begin(BODY_CHUNKED, 0);
    feed("10001\r\n", 0);
    assert.ok(!reader.maySkip);
  });

  it("may be skipped once the client goes on by itself, or was told to", () => {
    begin(BODY_LENGTH, 2, true);
    feed("x", 0);
    assert.ok(reader.maySkip);
    begin(BODY_LENGTH, 2, true);
    reader.goOn(0);
    assert.ok(reader.maySkip);
  });

  it("is too much beyond a size, its chunks' lines included, and only then", () => {
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    begin(BODY_CHUNKED, 0);
    feed(chunk + chunk + chunk, 0);
    assert.ok(!reader.hasSkippedTooMuch, "somebody wanted it");
    reader.skip();
    feed(chunk + chunk.slice(0, -16), 0);
    assert.ok(!reader.hasSkippedTooMuch);
    feed("x", 0);
    assert.ok(reader.hasSkippedTooMuch);
    begin(BODY_CHUNKED, 0);
    assert.ok(!reader.hasSkippedTooMuch);
  });
});

describe("the pace of a body", () => {
  it("is late when nothing comes", () => {
    begin(BODY_LENGTH, 1_000_000);
    feed("x".repeat(100_000), 1_000);
    assert.equal(judge(60_999), null);
    assert.equal(judge(61_000), fault.CLIENT_BODY_TIMEOUT);
    assert.equal(reader.nextCheckMs(60_000, DEFAULT_TIMEOUTS), 1_000);
    assert.equal(reader.nextCheckMs(1_000, DEFAULT_TIMEOUTS), 5_000);
  });

  it("is too slow below the minimum, after the grace", () => {
    begin(BODY_LENGTH, 1_000_000);
    feed("x".repeat(5_500), 5_000);
    assert.equal(judge(15_000), null);
    assert.equal(judge(16_000), null);
    assert.equal(judge(16_001), fault.CLIENT_TOO_SLOW);
  });

  it("counts no time in which we did not listen", () => {
    begin(BODY_LENGTH, 1_000_000);
    feed("x", 500);
    reader.hold(1_000);
    assert.equal(judge(500_000), null);
    reader.release(500_000);
    assert.equal(judge(508_999), null);
    assert.equal(judge(510_000), fault.CLIENT_TOO_SLOW);
  });

  it("does not begin before a client that waits to be told so, but with the first byte of one that does not", () => {
    for (const [sent, isLate] of [
      ["", false],
      ["x", true],
    ] as const) {
      begin(BODY_LENGTH, 1_000_000, true);
      feed(sent, 500);
      reader.release(1_000);
      assert.equal(judge(500_000) !== null, isLate);
    }
  });

  it("does not run while the taker of the first bytes of such a client has it held", () => {
    begin(BODY_LENGTH, 1_000_000, true);
    inbox.append(bytesOfText("x"), 0, 1);
    reader.read(inbox, DEFAULT_LIMITS, { onBodyPiece: () => reader.hold(500) }, 500);
    assert.equal(judge(500_000), null);
    reader.release(500_000);
    assert.equal(judge(510_500), fault.CLIENT_TOO_SLOW);
  });
});
