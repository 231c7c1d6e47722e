/** Heads of messages whose body is another one now: what was said of the old one is no longer true. */

import * as known from "../http/known-fields.ts";
import { BODY_CHUNKED, BODY_LENGTH } from "../http/message.ts";
import { FieldLine, type OutgoingHead } from "../http/outgoing.ts";

/** Lower case. What they say is said of bytes, or of what stood behind them. */
const OF_BYTES = [
  "trailer",
  "content-length",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];

/** A response; detached (`OutgoingHead.detach`). `length` is -1 where it is not known. */
export function reframeResponse(outgoing: OutgoingHead, length: number): void {
  const kept = outgoing.lines.filter(({ name }) => !OF_BYTES.includes(name.toLowerCase()));
  outgoing.lines.splice(0, outgoing.lines.length, ...kept.map(weakened));
  frame(outgoing, length);
}

export function reframeRequest(outgoing: OutgoingHead, length: number): void {
  const fields = outgoing.fields!;
  if (fields.countOf(known.CONTENT_LENGTH) > 0) fields.drop(fields.find(known.CONTENT_LENGTH));
  for (const name of OF_BYTES) fields.dropNamed(name);
  // Whoever waited to be told to send its body was told so by us.
  if (fields.countOf(known.EXPECT) > 0) fields.dropNamed("expect");
  frame(outgoing, length);
}

function frame(outgoing: OutgoingHead, length: number): void {
  outgoing.body = length === -1 ? BODY_CHUNKED : BODY_LENGTH;
  outgoing.contentLength = length;
}

/** Another body than the tag was made of, but one that means the same (RFC 9110 section 8.8.3). */
function weakened(line: FieldLine): FieldLine {
  if (line.name.toLowerCase() !== "etag" || !line.value.startsWith('"')) return line;
  return new FieldLine(line.name, `W/${line.value}`);
}
