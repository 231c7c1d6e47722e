/**
 * Invariant: how a chunked body comes does not matter (same bytes, trailers and end whole, in bytes and in random pieces), a
 * strict reading by regular expressions comes to the same result, nothing throws, and no byte behind the body is consumed.
 *
 *   node --import tsx test/fuzz/parse-body.ts [seed]     from this seed on, until interrupted
 */
import assert from "node:assert/strict";
import process from "node:process";
import { clientRefusal } from "../../core/fault.ts";
import { BodyDecoder } from "../../core/h1/parse-body.ts";
import { BODY_CHUNKED } from "../../core/http/message.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { type Seeded, seeded } from "../../testing/seeded.ts";
import { cut } from "../../testing/segments.ts";
import { bytesOfText, printable, textOfBytes } from "../../testing/wire.ts";

interface Outcome {
  readonly consumed: number;
  readonly body: string;
  readonly trailers: string;
  /** `done`, `incomplete`, or the code of a refusal. */
  readonly end: string;
}

/** One round. Throws when the invariant does not hold. */
export function fuzzParseBody(seed: number): void {
  const random = seeded(seed);
  const message = makeBody(random);
  const about = `seed ${seed}: ${printable(message)}`;
  const whole = decode([message.slice()]);
  for (const segments of [
    { kind: "bytes" },
    { kind: "random", bytesMax: 7 },
    { kind: "random", bytesMax: 300 },
  ] as const) {
    const got = decode(cut(message.slice(), 0, segments, random));
    // A refused body has given as many bytes as had come before the fault.
    if (got.end === "done" || got.end === "incomplete") assert.deepEqual(got, whole, `${about}\n${segments.kind}`);
    else assert.equal(got.end, whole.end, `${about}\n${segments.kind}`);
  }
  const strict = readStrictly(textOfBytes(message));
  if (strict !== null) assert.deepEqual({ ...whole }, strict, about);
  else assert.notEqual(whole.end, "done", about);
}

/** Chunks with extensions and trailers, then some bytes changed or cut off. */
function makeBody(random: Seeded): Uint8Array {
  let text = "";
  for (let left = random.between(0, 6); left > 0; left--) {
    const length = random.pick([1, 2, 15, 16, 17, random.between(1, 600)]);
    const data = Array.from({ length }, () => String.fromCharCode(random.between(0, 255))).join("");
    const zeros = "0".repeat(random.pick([0, 0, 0, 1, 9]));
    text += `${zeros}${length.toString(16)}${extension(random)}\r\n${data}\r\n`;
  }
  text += `0${extension(random)}\r\n`;
  for (let left = random.pick([0, 0, 1, 3]); left > 0; left--)
    text += `X-${left}: ${random.pick(["", "y", " z\t"])}\r\n`;
  text += "\r\nGET /next HTTP/1.1\r\n\r\n";
  const bytes = bytesOfText(text);
  for (let left = random.pick([0, 0, 0, 1, 2]); left > 0; left--) {
    bytes[random.between(0, bytes.length - 1)] = random.pick([0, 9, 10, 13, 32, 48, 59, 102, random.between(0, 255)]);
  }
  return random.next() < 0.1 ? bytes.slice(0, random.between(0, bytes.length)) : bytes;
}

function extension(random: Seeded): string {
  return random.pick(["", "", "", ";a", " ;a=b", '\t;a="b;c"; d', ";\xff"]);
}

function decode(pieces: readonly Uint8Array[]): Outcome {
  const decoder = new BodyDecoder();
  decoder.begin(BODY_CHUNKED, 0);
  let body = "";
  let consumed = 0;
  const onBodyPiece = (bytes: Uint8Array, start: number, end: number): void => {
    body += textOfBytes(bytes.subarray(start, end));
    // Whoever gets a piece owns it, and what it does there is no concern of the decoder.
    bytes.fill(0xdd, start, end);
  };
  for (const piece of pieces) {
    const at = decoder.decode(piece, 0, piece.length, DEFAULT_LIMITS, { onBodyPiece });
    if (at < 0) return { consumed: 0, body: "", trailers: "", end: clientRefusal(at).code };
    consumed += at;
    if (decoder.isDone) break;
    assert.equal(at, piece.length, "a decoder that wants more has to take all");
  }
  const { trailers } = decoder;
  const count = decoder.isDone ? (trailers?.count ?? 0) : 0;
  const lines = Array.from({ length: count }, (_, i) => `${trailers!.nameText(i)}=${trailers!.valueText(i)}`);
  return { consumed, body, trailers: lines.join("\n"), end: decoder.isDone ? "done" : "incomplete" };
}

/** Reads a whole body the slow way; null when it is not one. */
function readStrictly(text: string): Outcome | null {
  const line = /([0-9A-Fa-f]{1,13})(?:[ \t]*;(?:[\t !#-~\x80-\xff]|"[\t !#-[\]-~\x80-\xff]*")*)?\r\n/y;
  const field = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)\r\n/y;
  let at = 0;
  let body = "";
  for (;;) {
    line.lastIndex = at;
    const size = line.exec(text);
    if (size === null) return null;
    const length = Number.parseInt(size[1]!, 16);
    at = line.lastIndex;
    if (length === 0) break;
    if (text.slice(at + length, at + length + 2) !== "\r\n") return null;
    body += text.slice(at, at + length);
    at += length + 2;
  }
  const trailers: string[] = [];
  for (;;) {
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null) break;
    trailers.push(`${match[1]}=${match[2]!.replaceAll(/^[ \t]+|[ \t]+$/g, "")}`);
    at = field.lastIndex;
  }
  if (text.slice(at, at + 2) !== "\r\n") return null;
  return { consumed: at + 2, body, trailers: trailers.join("\n"), end: "done" };
}

if (process.argv[1]?.replaceAll("\\", "/").endsWith("fuzz/parse-body.ts") === true) {
  for (let seed = Number(process.argv[2] ?? 1); ; seed++) {
    fuzzParseBody(seed);
    if (seed % 10_000 === 0) console.log(`seed ${seed}`);
  }
}
