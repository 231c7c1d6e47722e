import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Outbox } from "../../../core/bytes/outbox.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import { BodyDecoder } from "../../../core/h1/parse-body.ts";
import { writeChunk, writeLastChunk } from "../../../core/h1/write-body.ts";
import type { Fields } from "../../../core/http/fields.ts";
import { BODY_CHUNKED } from "../../../core/http/message.ts";
import { DEFAULT_LIMITS } from "../../../core/limits.ts";
import { bytesOfText, textOfBytes } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";
import { fieldsOf } from "../http/heads.ts";

/** The chunked body of these pieces. */
function encode(pieces: readonly string[], trailers: Fields | null = null): RecordingSocket {
  const socket = new RecordingSocket();
  const outbox = new Outbox();
  outbox.goTo(socket, new Slab());
  for (const piece of pieces) writeChunk(outbox, bytesOfText(`<${piece}>`), 1, piece.length + 1);
  writeLastChunk(outbox, trailers);
  outbox.flush();
  return socket;
}

describe("chunks", () => {
  const check = (pieces: readonly string[], expected: string): void => assert.equal(encode(pieces).written, expected);

  it("have a hexadecimal size, and end with an empty one", () => {
    check([], "0\r\n\r\n");
    check(["hello"], "5\r\nhello\r\n0\r\n\r\n");
    check(["0123456789abcdef", "x"], "10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n");
  });

  it("are merged when small, and not copied when large", () => {
    assert.equal(encode(["a", "b", "c"]).calls.length, 1);
    const large = "L".repeat(5_000);
    assert.deepEqual(encode(["a", large]).calls, [`1\r\na\r\n1388\r\n\0+\0${large}`, "\r\n0\r\n\r\n"]);
  });

  it("decode to what was written", () => {
    const piece = fc
      .oneof(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.uint8Array({ minLength: 4_000, maxLength: 5_000 }))
      .map(textOfBytes);
    alwaysHolds(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bytes = bytesOfText(encode(pieces).written);
        const decoder = new BodyDecoder();
        decoder.begin(BODY_CHUNKED, 0);
        let body = "";
        const onBodyPiece = (view: Uint8Array, start: number, end: number): void => {
          body += textOfBytes(view.subarray(start, end));
        };
        assert.equal(decoder.decode(bytes, 0, bytes.length, DEFAULT_LIMITS, { onBodyPiece }), bytes.length);
        assert.ok(decoder.isDone && body === pieces.join(""));
      }),
      60,
    );
  });
});

describe("trailers", () => {
  it("follow the last chunk, those that were not dropped", () => {
    const trailers = fieldsOf("X-A: 1", "Content-Length: 5", "X-B:\t 2");
    trailers.drop(1);
    assert.equal(encode(["a"], trailers).written, "1\r\na\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
  });
});
