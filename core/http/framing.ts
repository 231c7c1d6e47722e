/**
 * How long a body is: RFC 9112 section 6.3 in its order, with every ambiguity refused. Two readers that disagree
 * about a length are a smuggled request, so nothing here is repaired or collapsed.
 */

import {
  COMMA,
  equalsIgnoreCase,
  HTAB,
  NOT_A_NUMBER,
  NUMBER_TOO_LARGE,
  parseDecimal,
  SP,
  TOKEN,
} from "../bytes/ascii.ts";
import * as refuse from "../fault.ts";
import type { Fields } from "./fields.ts";
import { CONTENT_LENGTH, TRANSFER_ENCODING } from "./known-fields.ts";
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_NONE,
  BODY_UNTIL_CLOSE,
  METHOD_HEAD,
  type RequestHead,
  type ResponseHead,
} from "./message.ts";
import { hasNoBody } from "./status.ts";

/** More digits than any length has are an attack on whoever counts them. */
const LENGTH_DIGITS_MAX = 32;

const REGISTERED_CODINGS = ["gzip", "x-gzip", "deflate", "compress", "x-compress"];

/** Sets `body` and `bodyLength`; answers 0 or a negative refusal. */
export function frameRequest(head: RequestHead): number {
  const { fields } = head;
  const codings = fields.countOf(TRANSFER_ENCODING);
  const lengths = fields.countOf(CONTENT_LENGTH);
  if (codings === 0 && lengths === 0) {
    // A request body never ends with the connection: whatever follows is the next request (rule 7).
    head.body = BODY_NONE;
    return 0;
  }
  if (codings > 0 && lengths > 0) return -refuse.LENGTH_AND_CHUNKED;
  if (codings > 0) {
    const refused = checkChunked(fields, head.minorVersion);
    head.body = BODY_CHUNKED;
    return refused;
  }
  const length = readLength(fields);
  if (length < 0) return length;
  head.body = length === 0 ? BODY_NONE : BODY_LENGTH;
  head.bodyLength = length;
  return 0;
}

/** The same for a response to a request of `requestMethod`. */
export function frameResponse(head: ResponseHead, requestMethod: number): number {
  const { fields } = head;
  const codings = fields.countOf(TRANSFER_ENCODING);
  const lengths = fields.countOf(CONTENT_LENGTH);
  if (codings > 0 && lengths > 0) return -refuse.LENGTH_AND_CHUNKED;
  let length = 0;
  if (codings > 0) {
    const refused = checkChunked(fields, head.minorVersion);
    if (refused < 0) return refused;
  } else if (lengths > 0) {
    length = readLength(fields);
    if (length < 0) return length;
  }
  head.bodyLength = length;
  if (hasNoBody(head.status) || requestMethod === METHOD_HEAD) {
    // The JDK's HttpServer says `Content-Length: 0` with its 100, against RFC 9110 section 8.6: both readings are the same.
    const isEmpty = codings === 0 && length === 0 && (lengths === 0 || head.status !== 101);
    if (head.status < 200 && !isEmpty) return -refuse.INTERIM_WITH_BODY;
    head.body = BODY_NONE;
  } else if (codings > 0) {
    head.body = BODY_CHUNKED;
  } else if (lengths > 0) {
    head.body = length === 0 ? BODY_NONE : BODY_LENGTH;
  } else {
    // Nobody waits for the end of a connection behind which nothing may come (RFC 9110 section 15.3.6).
    head.body = head.status === 205 ? BODY_NONE : BODY_UNTIL_CLOSE;
  }
  return 0;
}

function readLength(fields: Fields): number {
  // Identical copies could be collapsed (section 6.3 rule 5); refusing them costs no honest peer anything.
  if (fields.countOf(CONTENT_LENGTH) > 1) return -refuse.BAD_CONTENT_LENGTH;
  const index = fields.find(CONTENT_LENGTH);
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (end - start > LENGTH_DIGITS_MAX) return -refuse.BAD_CONTENT_LENGTH;
  const length = parseDecimal(fields.bytes, start, end);
  if (length === NOT_A_NUMBER) return -refuse.BAD_CONTENT_LENGTH;
  return length === NUMBER_TOO_LARGE ? -refuse.CONTENT_LENGTH_TOO_LARGE : length;
}

/** Only `chunked`, alone and once, in HTTP/1.1 (RFC 9112 section 6.1). */
function checkChunked(fields: Fields, minorVersion: number): number {
  if (minorVersion === 0) return -refuse.CHUNKED_HTTP_1_0;
  if (fields.countOf(TRANSFER_ENCODING) > 1) return -refuse.BAD_TRANSFER_ENCODING;
  const index = fields.find(TRANSFER_ENCODING);
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (equalsIgnoreCase(fields.bytes, start, end, "chunked")) return 0;
  return -(isKnownCoding(fields.bytes, start, end) ? refuse.UNKNOWN_TRANSFER_CODING : refuse.BAD_TRANSFER_ENCODING);
}

/** A lone token, or registered codings with `chunked` at the end: well-formed, but not served (501). */
function isKnownCoding(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false;
  let isToken = true;
  for (let at = start; at < end; at++) if (TOKEN[bytes[at]!] === 0) isToken = false;
  if (isToken) return !equalsIgnoreCase(bytes, start, end, "identity");
  let at = start;
  while (at < end) {
    let stop = at;
    while (stop < end && bytes[stop] !== COMMA) stop++;
    const isLast = stop === end;
    while (bytes[at] === SP || bytes[at] === HTAB) at++;
    const coding = (name: string) => equalsIgnoreCase(bytes, at, stop, name);
    if (isLast ? !coding("chunked") : !REGISTERED_CODINGS.some(coding)) return false;
    at = stop + 1;
  }
  return bytes[end - 1] !== COMMA;
}
