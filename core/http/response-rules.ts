/** What a response head must obey beyond its syntax, and what it says about its connection. */

import { OPTION_CLOSE, OPTION_KEEP_ALIVE, readConnection } from "./connection.ts";
import { frameResponse } from "./framing.ts";
import * as known from "./known-fields.ts";
import { BODY_UNTIL_CLOSE, type ResponseHead } from "./message.ts";

/** For the response to a request of `requestMethod`. Answers 0 or a negative refusal. */
export function checkResponse(head: ResponseHead, requestMethod: number): number {
  const framed = frameResponse(head, requestMethod);
  if (framed < 0) return framed;
  const options = readConnection(head.fields);
  if (options < 0) return options;
  const isHttp10KeepAlive = (options & OPTION_KEEP_ALIVE) !== 0;
  const wantsOn = (options & OPTION_CLOSE) === 0 && (head.minorVersion === 1 || isHttp10KeepAlive);
  const isPlain = head.status !== 204 && head.status !== 205;
  head.keepsAlive = wantsOn && head.body !== BODY_UNTIL_CLOSE && (isPlain || !mayHaveMore(head));
  return 0;
}

/** A 204 that speaks of a body (RFC 9110 section 8.6), or a 205 without a length: what may follow would be the next one's response. */
function mayHaveMore({ status, fields, bodyLength }: ResponseHead): boolean {
  const isChunked = fields.countOf(known.TRANSFER_ENCODING) > 0;
  return status === 204 ? isChunked || bodyLength > 0 : !isChunked && fields.countOf(known.CONTENT_LENGTH) === 0;
}
