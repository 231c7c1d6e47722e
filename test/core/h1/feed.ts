import { Inbox } from "../../../core/bytes/inbox.ts";
import { type HeadBounds, INCOMPLETE, parseRequestHead, parseResponseHead } from "../../../core/h1/parse-head.ts";
import { RequestHead, ResponseHead } from "../../../core/http/message.ts";
import { DEFAULT_LIMITS } from "../../../core/limits.ts";
import { joinBytes } from "../../../testing/wire.ts";

export const REQUEST_BOUNDS: HeadBounds = {
  headBytesMax: DEFAULT_LIMITS.requestHeadBytesMax,
  fieldsMax: DEFAULT_LIMITS.requestFieldsMax,
  nameBytesMax: DEFAULT_LIMITS.fieldNameBytesMax,
  targetBytesMax: DEFAULT_LIMITS.targetBytesMax,
};

export const RESPONSE_BOUNDS: HeadBounds = {
  headBytesMax: DEFAULT_LIMITS.responseHeadBytesMax,
  fieldsMax: DEFAULT_LIMITS.responseFieldsMax,
  nameBytesMax: DEFAULT_LIMITS.fieldNameBytesMax,
  targetBytesMax: 0,
};

/** A way in which the same bytes may come. */
export interface Delivery {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
  /** Bytes of the first piece that belong to the message before. */
  readonly before: number;
}

const PREVIOUS = new Uint8Array(37).fill(0x78);
/** A longer message is cut at 40 places instead of everywhere. */
const EVERY_CUT_BYTES_MAX = 500;

/** Whole, byte by byte, cut once at every offset (of long ones: at some); each also behind a previous message. */
export function* deliveriesOf(message: Uint8Array, trailing: Uint8Array): Generator<Delivery> {
  const step = message.length <= EVERY_CUT_BYTES_MAX ? 1 : Math.floor(message.length / 40);
  const singles = Array.from(message, (_, i) => message.slice(i, i + 1));
  const cuts = [{ name: "byte by byte", pieces: singles }];
  for (let at = 0; at <= message.length; at += step) {
    cuts.push({ name: `cut at ${at}`, pieces: [message.slice(0, at), message.slice(at)] });
  }
  for (const { name, pieces } of cuts) {
    const first = pieces[0] ?? new Uint8Array(0);
    const last = pieces.length - 1;
    // Copies each time: whoever gets bytes owns them and may write there.
    yield { name, pieces: pieces.map((piece) => piece.slice()), before: 0 };
    const followed = pieces.map((piece, i) => (i === last ? joinBytes([piece, trailing]) : piece.slice()));
    yield { name: `${name}, with trailing bytes`, pieces: followed, before: 0 };
    const preceded = pieces.map((piece, i) => (i === 0 ? joinBytes([PREVIOUS, first]) : piece.slice()));
    yield { name: `${name}, behind another message`, pieces: preceded, before: PREVIOUS.length };
  }
}

/** The parser's answer, a position counted from the first byte of the head, and the head. */
export interface Answer<Head> {
  readonly answer: number;
  readonly head: Head;
}

export function feedRequestHead(delivery: Delivery, bounds: HeadBounds = REQUEST_BOUNDS): Answer<RequestHead> {
  return feed(new RequestHead(), parseRequestHead, delivery, bounds);
}

export function feedResponseHead(delivery: Delivery, bounds: HeadBounds = RESPONSE_BOUNDS): Answer<ResponseHead> {
  return feed(new ResponseHead(), parseResponseHead, delivery, bounds);
}

type Parse<Head> = (head: Head, bytes: Uint8Array, start: number, end: number, bounds: HeadBounds) => number;

/** What `h1/server.ts` and `h1/client.ts` do: the head may move in the inbox whenever a piece is added. */
function feed<Head extends RequestHead | ResponseHead>(
  head: Head,
  parse: Parse<Head>,
  { pieces, before }: Delivery,
  bounds: HeadBounds,
): Answer<Head> {
  const inbox = new Inbox();
  let skipped = before;
  let answer = INCOMPLETE;
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    const moved = inbox.append(piece, 0, piece.length);
    if (moved > 0) head.shift(inbox.bytes, moved);
    if (skipped > 0) {
      inbox.consume(inbox.start + skipped);
      skipped = 0;
      if (inbox.length === 0) continue;
    }
    answer = parse(head, inbox.bytes, inbox.start, inbox.end, bounds);
    if (answer > 0) answer -= inbox.start;
    if (answer !== INCOMPLETE) break;
  }
  return { answer, head };
}
