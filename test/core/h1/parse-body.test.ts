import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import * as refuse from "../../../core/fault.ts";
import { clientRefusal } from "../../../core/fault.ts";
import { BodyDecoder } from "../../../core/h1/parse-body.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE } from "../../../core/http/message.ts";
import { CHUNK_SIZE_DIGITS_MAX, DEFAULT_LIMITS } from "../../../core/limits.ts";
import { bytesOfText, printable, textOfBytes, wire } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { type Delivery, deliveriesOf } from "./feed.ts";

const NEXT = bytesOfText("GET /next HTTP/1.1\r\n\r\n");

interface Decoded {
  readonly answer: number;
  readonly body: string;
  readonly trailers: string;
  readonly pieces: number;
  readonly isDone: boolean;
}

/** Decodes a delivery; `answer` is the length consumed, or the refusal. */
function decode({ pieces, before }: Delivery, body: number, length: number): Decoded {
  const decoder = new BodyDecoder();
  decoder.begin(body, length);
  const emitted: { view: Uint8Array; text: string }[] = [];
  const onBodyPiece = (bytes: Uint8Array, start: number, end: number): void => {
    const view = bytes.subarray(start, end);
    emitted.push({ view, text: textOfBytes(view) });
  };
  let consumed = 0;
  let skip = before;
  for (const piece of pieces) {
    const at = decoder.decode(piece, skip, piece.length, DEFAULT_LIMITS, { onBodyPiece });
    if (at < 0) return { answer: at, body: "", trailers: "", pieces: emitted.length, isDone: decoder.isDone };
    consumed += at - skip;
    // Whoever has a piece may still read it when all is decoded.
    for (const { view, text } of emitted)
      assert.equal(textOfBytes(view), text, "a piece changed after it was handed on");
    if (at < piece.length) break;
    skip = 0;
  }
  const { trailers } = decoder;
  const lines = Array.from({ length: trailers?.count ?? 0 }, (_, i) => {
    return `${trailers!.nameText(i)}=${trailers!.valueText(i)}`;
  });
  const text = emitted.map((each) => each.text).join("");
  return { answer: consumed, body: text, trailers: lines.join("\n"), pieces: emitted.length, isDone: decoder.isDone };
}

/** A chunked body (as for `wire`) must be decoded to this text and trailers, or refused, in every delivery. */
function check(message: string, expected: string | number, trailers = ""): void {
  const bytes = wire(message);
  for (const delivery of deliveriesOf(bytes, NEXT)) {
    const decoded = decode(delivery, BODY_CHUNKED, 0);
    const about = `${printable(bytes, 200)}, ${delivery.name}`;
    if (typeof expected === "number") {
      assert.equal(codeOf(decoded.answer), clientRefusal(-expected).code, about);
    } else {
      assert.equal(codeOf(decoded.answer), "", about);
      assert.equal(decoded.body, expected, about);
      assert.equal(decoded.trailers, trailers, about);
      assert.equal(decoded.answer, bytes.length, about);
      assert.equal(decoded.isDone, true, about);
    }
  }
}

const codeOf = (answer: number): string => (answer < 0 ? clientRefusal(answer).code : "");
const digits = (count: number, digit = "0"): string => digit.repeat(count);

describe("chunked bodies", () => {
  it("come out as they went in", () => {
    check("0\n\n", "");
    check("5\nhello\n0\n\n", "hello");
    check("5\nhello\n6\n world\n0\n\n", "hello world");
    check("a\n0123456789\nA\n0123456789\n0\n\n", "01234567890123456789");
    check("1\n\\r\n1\n\\n\n2\n\\r\\n\n0\n\n", "\r\n\r\n");
    check("8\n0\n\n0\n\n00\n\n", "0\r\n\r\n0\r\n");
  });

  it("may have leading zeros and extensions, which are dropped (C08, C19)", () => {
    check("005;a=b\nhello\n0\n\n", "hello");
    check("5 ;a\nhello\n0;x=y\n\n", "hello");
    check('5\\t \\t; a="q;=\\t " ;b\nhello\n00\n\n', "hello");
  });

  it("are refused with a size that is not 1*HEXDIG (C03)", () => {
    for (const size of ["0x5", "+5", "-5", " 5", "\\t5", "5_", "0_2e", "5g", "1these-bytes", "", "\\xef\\xbc\\x95"]) {
      check(`${size}\nhello\n0\n\n`, refuse.BAD_CHUNK_SIZE);
    }
    for (const size of ["5 ", "5 5", "5\\t", "5\\x0b", "5\\0", "5 =", "\\x00"]) {
      check(`${size}\nhello\n0\n\n`, refuse.BAD_CHUNK_SIZE);
    }
  });

  it("are refused with a size beyond exact counting (C01, C02)", () => {
    for (const size of ["20000000000001", "FFFFFFFFFFFFFFFF", "10000000000000005", digits(40, "f")]) {
      check(`${size}\nhello\n0\n\n`, refuse.CHUNK_TOO_LARGE);
    }
    check(`${digits(CHUNK_SIZE_DIGITS_MAX - 2)}5\nhello\n0\n\n`, "hello");
    check(`${digits(CHUNK_SIZE_DIGITS_MAX - 1)}5\nhello\n0\n\n`, "hello");
    check(`${digits(CHUNK_SIZE_DIGITS_MAX)}5\nhello\n0\n\n`, refuse.CHUNK_TOO_LARGE);
  });

  it("read sizes as BigInt does, up to 13 digits", () => {
    const size = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: 1, maxLength: 16 });
    alwaysHolds(
      fc.property(size, (text) => {
        const decoder = new BodyDecoder();
        decoder.begin(BODY_CHUNKED, 0);
        const sink = { onBodyPiece: (): void => undefined };
        const line = bytesOfText(`${text}\r\n`);
        const answer = decoder.decode(line, 0, line.length, DEFAULT_LIMITS, sink);
        if (text.length > CHUNK_SIZE_DIGITS_MAX) {
          assert.equal(codeOf(answer), "client.chunk-too-large");
          return;
        }
        assert.equal(answer, line.length);
        // The chunk is over exactly where its size says: one byte less, and CR LF would still be data.
        const exact = BigInt(`0x${text}`);
        if (exact === 0n || exact > 5_000n) return;
        const data = bytesOfText(`${digits(Number(exact), "d")}\r\n0\r\n\r\n`);
        assert.equal(decoder.decode(data, 0, data.length, DEFAULT_LIMITS, sink), data.length);
        assert.equal(decoder.isDone, true);
      }),
      300,
    );
  });

  it("are refused with any line end but CR LF (C04, C05, C06)", () => {
    check("5\\nhello\n0\n\n", refuse.BAD_CHUNK_SIZE);
    check("5\nhello\\n0\n\n", refuse.BAD_CHUNK_END);
    check("5\nhello\n0\\n\n", refuse.BAD_CHUNK_SIZE);
    check("5\nhello\n0\n\\n", refuse.BAD_TRAILER);
    check("5\nhello\n0\n\\rX", refuse.BAD_TRAILER);
    check("5\\r\n;ABCD\n34\nE\n0\n\n", refuse.BAD_CHUNK_SIZE);
    check("5\\r\\r;ABCD\n34\nE\n0\n\n", refuse.BAD_CHUNK_SIZE);
    check("2\\r\\r;a\n02\n41\n0\n\n", refuse.BAD_CHUNK_SIZE);
    check("41;a=b\\r\\rX", refuse.BAD_CHUNK_SIZE);
    check("5;a\\nb\nhello\n0\n\n", refuse.BAD_CHUNK_EXTENSION);
    check("5;a\\0\nhello\n0\n\n", refuse.BAD_CHUNK_EXTENSION);
  });

  it("are refused when a quoted text doesn't end in its line (C07)", () => {
    check('1;ext="val\nX\n0\n\n', refuse.BAD_CHUNK_EXTENSION);
    check('1;a="\\\\"\nX\n0\n\n', refuse.BAD_CHUNK_EXTENSION);
    check('1;a="\\\\\nX\n0\n\n', refuse.BAD_CHUNK_EXTENSION);
    check('1;a="x\\\\"y"\nX\n0\n\n', refuse.BAD_CHUNK_EXTENSION);
    check('1;a=""\nX\n0\n\n', "X");
  });

  it("are refused when data is longer than its chunk, or followed by more than CR LF (C10, C11)", () => {
    check("4\nSEE-THIS\n0\n\n", refuse.BAD_CHUNK_END);
    check("5\nhelloXX0\n\n", refuse.BAD_CHUNK_END);
    check("5\nhello\\rX0\n\n", refuse.BAD_CHUNK_END);
    check("5\nhello\n\n0\n\n", refuse.BAD_CHUNK_SIZE);
    check("5\nhello0\n\n", refuse.BAD_CHUNK_END);
  });

  it("are not done before their last byte (C12)", () => {
    const whole = wire("5;a=b\nhello\n0\nX: 1\n\n");
    for (let length = 0; length < whole.length; length++) {
      const decoded = decode({ name: "", pieces: [whole.slice(0, length)], before: 0 }, BODY_CHUNKED, 0);
      assert.deepEqual([decoded.answer, decoded.isDone], [length, false]);
    }
  });
});

describe("chunked bodies at their limits", () => {
  const { chunkExtensionBytesMax, chunkExtensionsPerMessageBytesMax, trailerBytesMax, trailerFieldsMax } =
    DEFAULT_LIMITS;

  it("take 256 bytes of extension in a chunk", () => {
    for (const n of [-1, 0, 1]) {
      const extension = digits(chunkExtensionBytesMax + n, "e");
      check(`1;${extension}\nX\n0\n\n`, n === 1 ? refuse.BAD_CHUNK_EXTENSION : "X");
      check(`1\nX\n0;${extension}\n\n`, n === 1 ? refuse.BAD_CHUNK_EXTENSION : "X");
    }
  });

  it("take 4 KiB of extensions in a message (C09)", () => {
    const chunks = 16;
    const share = Math.floor(chunkExtensionsPerMessageBytesMax / chunks);
    for (const n of [-1, 0, 1]) {
      // The last chunk has what makes the sum exact.
      const first = `1;${digits(share - 1, "e")}\nX\n`.repeat(chunks);
      const message = `${first}0;${digits(chunks + n, "e")}\n\n`;
      check(message, n === 1 ? refuse.BAD_CHUNK_EXTENSION : digits(chunks, "X"));
    }
  });

  it("take trailers of 4 KiB (C16)", () => {
    const rest = wire("X: \n\n").length;
    for (const n of [-1, 0, 1]) {
      const value = digits(trailerBytesMax - rest + n, "v");
      check(`0\nX: ${value}\n\n`, n === 1 ? refuse.TRAILERS_TOO_LARGE : "", `X=${value}`);
    }
    check(`0\nX: ${digits(trailerBytesMax, "v")}`, refuse.TRAILERS_TOO_LARGE);
  });

  it("take 16 trailers, and names of 256 bytes (C16)", () => {
    for (const n of [-1, 0, 1]) {
      const count = trailerFieldsMax + n;
      const lines = Array.from({ length: count }, () => "X=y").join("\n");
      check(`0\n${"X: y\n".repeat(count)}\n`, n === 1 ? refuse.TRAILERS_TOO_LARGE : "", lines);
      const name = digits(DEFAULT_LIMITS.fieldNameBytesMax + n, "n");
      check(`0\n${name}: y\n\n`, n === 1 ? refuse.TRAILERS_TOO_LARGE : "", `${name}=y`);
    }
  });
});

describe("trailers", () => {
  it("are given beside the body, not before it is done (C13)", () => {
    check("5\nhello\n0\nX-T: 1\nX-U:  2 \n\n", "hello", "X-T=1\nX-U=2");
  });

  it("obey the rules of fields (C15)", () => {
    for (const line of ["X:POST / HTTP/1.1\\rA", ": x", " X: y", "X : y", "X: a\\nb", "X: a\\0b", "X"]) {
      check(`0\n${line}\n\n`, refuse.BAD_TRAILER);
    }
  });

  it("are gone with the next body", () => {
    const decoder = new BodyDecoder();
    const sink = { onBodyPiece: (): void => undefined };
    const first = wire("0\nX: 1\n\n");
    decoder.begin(BODY_CHUNKED, 0);
    decoder.decode(first, 0, first.length, DEFAULT_LIMITS, sink);
    assert.equal(decoder.trailers?.count, 1);
    decoder.begin(BODY_CHUNKED, 0);
    assert.equal(decoder.trailers, null);
    const second = wire("1;a\nX\n0\nY: 2\n\n");
    assert.equal(decoder.decode(second, 0, second.length, DEFAULT_LIMITS, sink), second.length);
    assert.equal((decoder.trailers as unknown as { nameText(i: number): string }).nameText(0), "Y");
  });
});

describe("bodies of other framings", () => {
  function checkOther(body: number, length: number, message: string, expected: string, isDone: boolean): void {
    for (const delivery of deliveriesOf(bytesOfText(message), new Uint8Array(0))) {
      const decoded = decode(delivery, body, length);
      assert.deepEqual(
        [decoded.body, decoded.answer, decoded.isDone],
        [expected, expected.length, isDone],
        delivery.name,
      );
    }
  }

  it("none: not a byte is its", () => {
    checkOther(BODY_NONE, 0, "", "", true);
    checkOther(BODY_NONE, 0, "GET /next", "", true);
  });

  it("a length: exactly so many", () => {
    checkOther(BODY_LENGTH, 5, "hello", "hello", true);
    checkOther(BODY_LENGTH, 5, "helloGET /next", "hello", true);
    checkOther(BODY_LENGTH, 5, "hell", "hell", false);
    checkOther(BODY_LENGTH, 999_999_999_999_999, "hello", "hello", false);
  });

  it("until close: all that comes", () => {
    checkOther(BODY_UNTIL_CLOSE, 0, "0\r\n\r\nGET", "0\r\n\r\nGET", false);
    const decoder = new BodyDecoder();
    for (const body of [BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE]) {
      decoder.begin(body, 5);
      assert.equal(decoder.endsWithConnection, body === BODY_UNTIL_CLOSE);
    }
  });
});

describe("pieces", () => {
  it("are few for a body of one-byte chunks in one buffer (C17)", () => {
    const bytes = wire(`${"1\nX\n".repeat(10_000)}0\n\n`);
    const decoded = decode({ name: "", pieces: [bytes], before: 0 }, BODY_CHUNKED, 0);
    assert.equal(decoded.body, digits(10_000, "X"));
    assert.equal(decoded.pieces, 1);
  });

  it("are the bytes that came, where nothing was to be cut out", () => {
    const bytes = bytesOfText("hello");
    const decoder = new BodyDecoder();
    decoder.begin(BODY_LENGTH, 10);
    let piece: unknown = null;
    decoder.decode(bytes, 0, 5, DEFAULT_LIMITS, { onBodyPiece: (...args) => void (piece = args) });
    assert.deepEqual(piece, [bytes, 0, 5]);
    assert.equal((piece as [Uint8Array])[0], bytes);
  });

  it("give back the body, whatever the chunks and however they come", () => {
    const chunk = fc.oneof(
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(4_095, 4_096, 4_097),
      fc.integer({ min: 1, max: 9_000 }),
    );
    const extension = fc.constantFrom("", "", ";a", ' ;b="c;"', "");
    const chunks = fc.array(fc.tuple(chunk, extension), { maxLength: 30 });
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    alwaysHolds(
      fc.property(chunks, cuts, fc.integer({ min: 0, max: 50 }), (sizes, places, before) => {
        let next = 0;
        let body = "";
        let text = "x".repeat(before);
        for (const [size, ext] of sizes) {
          const data = textOfBytes(Uint8Array.from({ length: size }, () => (next = (next * 31 + 7) & 0xff)));
          body += data;
          text += `${size.toString(16)}${ext}\r\n${data}\r\n`;
        }
        const bytes = bytesOfText(`${text}0\r\n\r\nNEXT`);
        const offsets = places.map((place) => before + Math.floor(place * (bytes.length - before)));
        const edges = [0, ...offsets.sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge));
        const decoded = decode(
          { name: "", pieces: pieces.filter((piece) => piece.length > 0), before },
          BODY_CHUNKED,
          0,
        );
        assert.equal(decoded.isDone, true);
        assert.equal(decoded.answer, bytes.length - before - 4);
        assert.ok(decoded.body === body, "the body came out changed");
      }),
      200,
    );
  });
});
