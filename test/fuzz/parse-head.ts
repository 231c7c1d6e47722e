/**
 * Invariant: how a head comes does not matter (same answer and offsets whole, in bytes, in random pieces, behind another
 * message), nothing throws, and a head that is taken is taken again, unchanged, when it is written and parsed once more.
 *
 *   node --import tsx test/fuzz/parse-head.ts [seed]     from this seed on, until interrupted
 */
import assert from "node:assert/strict";
import process from "node:process";
import { Outbox } from "../../core/bytes/outbox.ts";
import { Slab } from "../../core/bytes/slab.ts";
import { clientRefusal } from "../../core/fault.ts";
import { writeRequestHead } from "../../core/h1/write-head.ts";
import type { RequestHead, ResponseHead } from "../../core/http/message.ts";
import { OutgoingHead } from "../../core/http/outgoing.ts";
import { type Seeded, seeded } from "../../testing/seeded.ts";
import { cut } from "../../testing/segments.ts";
import { bytesOfText, joinBytes, printable, textOfBytes } from "../../testing/wire.ts";
import { RecordingSocket } from "../core/bytes/recording-socket.ts";
import { type Answer, feedRequestHead, feedResponseHead } from "../core/h1/feed.ts";

const WORDS = [
  "GET / HTTP/1.1",
  "POST http://a:80/b/%2e;x?c HTTP/1.0",
  "OPTIONS * HTTP/1.1",
  "HTTP/1.1 200 OK",
  "HTTP/1.0 404",
  "\r\n",
  "\r\n",
  "\r\n",
  "\r\n\r\n",
  "Host: a",
  "Content-Length: 5",
  "Transfer-Encoding:\t chunked ",
  "X_Y.z :1",
  "Cookie: a=b; c",
  ": ",
  ":",
  " ",
  "\t",
  "\r",
  "\n",
  "\0",
  "\x7f",
  "\xff",
  "x".repeat(70),
];

type Feed = (pieces: readonly Uint8Array[], before: number) => Answer<RequestHead | ResponseHead>;

/** One round. Throws when the invariant does not hold. */
export function fuzzParseHead(seed: number): void {
  const random = seeded(seed);
  const message = makeHead(random);
  const about = `seed ${seed}: ${printable(message)}`;
  const feeds: Feed[] = [
    (pieces, before) => feedRequestHead({ name: "", pieces, before }),
    (pieces, before) => feedResponseHead({ name: "", pieces, before }),
  ];
  for (const feed of feeds) {
    const whole = feed([message.slice()], 0);
    const wholeText = outcome(whole);
    const previous = new Uint8Array(random.between(1, 50)).fill(0x78);
    // What is refused early when whole may still wait for its line to end when in pieces.
    const isSame = (text: string): boolean => text === wholeText || (whole.answer < 0 && text === "incomplete");
    for (const segments of [
      { kind: "bytes" },
      { kind: "random", bytesMax: 9 },
      { kind: "random", bytesMax: 200 },
    ] as const) {
      const pieces = cut(message.slice(), 0, segments, random);
      const got = outcome(feed(pieces, 0));
      assert.ok(isSame(got), `${about}\n${segments.kind}: ${got}\nwhole: ${wholeText}`);
      const behind = [joinBytes([previous, pieces[0]!]), ...pieces.slice(1)];
      const gotBehind = outcome(feed(behind, previous.length));
      assert.equal(gotBehind, got, `${about}\nbehind another message, ${segments.kind}`);
    }
    if (whole.answer > 0 && "method" in whole.head) checkRoundTrip(whole.head, about);
  }
}

/** Lines of known words, mostly in order, then some bytes changed. */
function makeHead(random: Seeded): Uint8Array {
  const parts = [random.next() < 0.8 ? random.pick(WORDS.slice(0, 5)) : random.pick(WORDS), "\r\n"];
  for (let left = random.between(0, 8); left > 0; left--) {
    parts.push(random.pick(WORDS));
    if (random.next() < 0.7) parts.push("\r\n");
  }
  parts.push("\r\n\r\n");
  const bytes = bytesOfText(parts.join(""));
  for (let left = random.pick([0, 0, 1, 2]); left > 0; left--) {
    bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
  }
  return bytes;
}

function outcome({ answer, head }: Answer<RequestHead | ResponseHead>): string {
  if (answer === 0) return "incomplete";
  return answer < 0 ? clientRefusal(answer).code : `${answer} ${textOf(head)}`;
}

/** Everything the head says, without positions. */
function textOf(head: RequestHead | ResponseHead): string {
  const { fields } = head;
  const lines = Array.from({ length: fields.count }, (_, i) => [fields.nameText(i), fields.valueText(i), fields.id(i)]);
  const first =
    "method" in head
      ? [head.methodText, head.method, head.targetText, head.pathText, head.queryText, head.pathIsPlain]
      : [head.status, textOfBytes(fields.bytes.subarray(head.reasonStart, head.reasonEnd)), head.lineStart === -1];
  return JSON.stringify([first, head.minorVersion, lines]);
}

function checkRoundTrip(head: RequestHead, about: string): void {
  const socket = new RecordingSocket();
  const outbox = new Outbox();
  outbox.goTo(socket, new Slab());
  const outgoing = new OutgoingHead();
  outgoing.fields = head.fields;
  outgoing.target = head.targetText;
  writeRequestHead(outbox, outgoing, head);
  outbox.flush();
  const bytes = bytesOfText(socket.written);
  const again = feedRequestHead({ name: "", pieces: [bytes], before: 0 });
  assert.equal(again.answer, bytes.length, `${about}\nwritten as ${printable(bytes)}`);
  again.head.minorVersion = head.minorVersion;
  assert.equal(textOf(again.head), textOf(head), about);
}

if (process.argv[1]?.replaceAll("\\", "/").endsWith("fuzz/parse-head.ts") === true) {
  for (let seed = Number(process.argv[2] ?? 1); ; seed++) {
    fuzzParseHead(seed);
    if (seed % 10_000 === 0) console.log(`seed ${seed}`);
  }
}
