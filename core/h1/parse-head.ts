/**
 * Bytes of a head to offsets, in one pass. Answers the position behind the head, INCOMPLETE, or a negative refusal
 * (`fault.ts`). Strict: nothing is repaired, because whatever we repair the next server may read in another way.
 *
 * A head that comes in pieces costs linear time: complete lines are kept, and the unfinished one is not looked at
 * again before its LF has come.
 *
 *     request-line   = method SP request-target SP HTTP-version        RFC 9112 section 3
 *     status-line    = HTTP-version SP status-code SP [ reason-phrase ] RFC 9112 section 4
 *     field-line     = field-name ":" OWS field-value OWS              RFC 9112 section 5
 */

import {
  COLON,
  CR,
  DEL,
  DIGIT_0,
  DOT,
  equalsText,
  HTAB,
  LF,
  PATH,
  PERCENT,
  QUERY,
  QUESTION,
  SEMICOLON,
  SLASH,
  SP,
  TOKEN,
} from "../bytes/ascii.ts";
import * as refuse from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { METHOD_PRI, methodOf, type ParseProgress, type RequestHead, type ResponseHead } from "../http/message.ts";
import { LEADING_EMPTY_LINES_MAX, type Limits, METHOD_BYTES_MAX } from "../limits.ts";

export const INCOMPLETE = 0;

/** What a head may hold; `targetBytesMax` is 0 for responses, which have no target. */
export interface HeadBounds {
  readonly headBytesMax: number;
  readonly fieldsMax: number;
  readonly nameBytesMax: number;
  readonly targetBytesMax: number;
}

export function requestBoundsOf(limits: Limits): HeadBounds {
  return {
    headBytesMax: limits.requestHeadBytesMax,
    fieldsMax: limits.requestFieldsMax,
    nameBytesMax: limits.fieldNameBytesMax,
    targetBytesMax: limits.targetBytesMax,
  };
}

export function responseBoundsOf(limits: Limits): HeadBounds {
  return {
    headBytesMax: limits.responseHeadBytesMax,
    fieldsMax: limits.responseFieldsMax,
    nameBytesMax: limits.fieldNameBytesMax,
    targetBytesMax: 0,
  };
}

const VERSION_BYTES = 8;
/** What stands around a target in its line: method, spaces, version and line end, and a little more. */
const AROUND_TARGET_BYTES_MAX = METHOD_BYTES_MAX + 16;

/** Nothing but the ends of empty lines. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++;
  return at === end;
}

/** `head` is cleared before the first piece; with later pieces `start` is where the head began. */
export function parseRequestHead(
  head: RequestHead,
  bytes: Uint8Array,
  start: number,
  end: number,
  bounds: HeadBounds,
): number {
  const { progress, fields } = head;
  if (!hasNewLine(progress, bytes, start, end)) return waitOrRefuse(progress, start, end, bounds);
  fields.bytes = bytes;
  if (progress.lineStart === 0) progress.lineStart = start;
  let at = progress.lineStart;
  if (!progress.inFields) {
    while (at < end && (bytes[at] === CR || bytes[at] === LF)) {
      if (bytes[at] === LF) return -refuse.BARE_LF;
      if (at + 1 === end) return incompleteLine(progress, end);
      if (bytes[at + 1] !== LF) return -refuse.BARE_CR;
      if (++progress.emptyLines > LEADING_EMPTY_LINES_MAX) return -refuse.TOO_MANY_EMPTY_LINES;
      at += 2;
      progress.lineStart = at;
    }
    at = parseRequestLine(head, bytes, at, end, bounds);
    if (at < 0) return at;
    if (at === INCOMPLETE) return waitOrRefuse(progress, start, end, bounds);
    progress.inFields = true;
    progress.lineStart = at;
  }
  at = parseFields(fields, progress, at, end, bounds, false);
  if (at > 0) return at - start > bounds.headBytesMax ? -refuse.HEAD_TOO_LARGE : at;
  return at < 0 ? at : waitOrRefuse(progress, start, end, bounds);
}

export function parseResponseHead(
  head: ResponseHead,
  bytes: Uint8Array,
  start: number,
  end: number,
  bounds: HeadBounds,
): number {
  const { progress, fields } = head;
  if (!hasNewLine(progress, bytes, start, end)) return waitOrRefuse(progress, start, end, bounds);
  fields.bytes = bytes;
  if (progress.lineStart === 0) progress.lineStart = start;
  let at = progress.lineStart;
  if (!progress.inFields) {
    at = parseStatusLine(head, bytes, at, end);
    if (at < 0) return at;
    if (at === INCOMPLETE) return waitOrRefuse(progress, start, end, bounds);
    progress.inFields = true;
    progress.lineStart = at;
  }
  at = parseFields(fields, progress, at, end, bounds, true);
  if (at > 0) return at - start > bounds.headBytesMax ? -refuse.HEAD_TOO_LARGE : at;
  return at < 0 ? at : waitOrRefuse(progress, start, end, bounds);
}

/**
 * Field lines up to and with the empty line that ends them. `isResponse` cuts off white space before the colon,
 * which RFC 9112 section 5.1 asks of proxies for responses and forbids for requests.
 */
export function parseFields(
  fields: Fields,
  progress: ParseProgress,
  start: number,
  end: number,
  bounds: HeadBounds,
  isResponse: boolean,
): number {
  const bytes = fields.bytes;
  const token = TOKEN;
  let at = start;
  while (at < end) {
    const first = bytes[at]!;
    if (first === CR) {
      if (at + 1 === end) break;
      return bytes[at + 1] === LF ? at + 2 : -refuse.BARE_CR;
    }
    if (token[first] === 0) return refusalOfLineStart(first);
    const nameStart = at;
    do at++;
    while (at < end && token[bytes[at]!] === 1);
    const nameEnd = at;
    if (nameEnd - nameStart > bounds.nameBytesMax) return -refuse.NAME_TOO_LONG;
    if (isResponse) while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    if (at === end) break;
    if (bytes[at] !== COLON) return refusalOfName(bytes[at]!);
    at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    at = endOfValue(bytes, at, end);
    if (at + 1 >= end) {
      if (at < end && bytes[at] !== CR) return bytes[at] === LF ? -refuse.BARE_LF : -refuse.BAD_FIELD_VALUE;
      break;
    }
    if (bytes[at] !== CR) return bytes[at] === LF ? -refuse.BARE_LF : -refuse.BAD_FIELD_VALUE;
    if (bytes[at + 1] !== LF) return -refuse.BARE_CR;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    if (fields.count === bounds.fieldsMax) return -refuse.TOO_MANY_FIELDS;
    fields.add(nameStart, nameEnd, valueStart, valueEnd);
    at += 2;
    progress.lineStart = at;
  }
  progress.scannedTo = end;
  return INCOMPLETE;
}

/** Comparing is cheaper than FIELD_VALUE: one load less for each byte. */
function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte < SP ? byte !== HTAB : byte === DEL) break;
    at++;
  }
  return at;
}

function parseRequestLine(
  head: RequestHead,
  bytes: Uint8Array,
  start: number,
  end: number,
  bounds: HeadBounds,
): number {
  let at = start;
  while (at < end && TOKEN[bytes[at]!] === 1) at++;
  if (at - start > METHOD_BYTES_MAX) return -refuse.BAD_METHOD;
  if (at === end) return incompleteLine(head.progress, end);
  if (bytes[at] !== SP) return -(at === start ? refuse.BAD_REQUEST_LINE : refuse.BAD_METHOD);
  if (at === start) return -refuse.BAD_METHOD;
  head.methodStart = start;
  head.methodEnd = at;
  head.method = methodOf(bytes, start, at);
  const targetStart = ++at;
  at = scanTarget(head, bytes, at, end);
  if (at - targetStart > bounds.targetBytesMax) return -refuse.TARGET_TOO_LONG;
  if (at === end) return incompleteLine(head.progress, end);
  if (bytes[at] !== SP) return bytes[at] === LF ? -refuse.BARE_LF : -refuse.BAD_TARGET;
  if (at === targetStart) return -refuse.BAD_REQUEST_LINE;
  head.targetStart = targetStart;
  head.targetEnd = at;
  at++;
  // Version and CR LF; while they are incomplete, whatever came of them is judged with the rest of the line.
  if (at + VERSION_BYTES + 2 > end && !endsLine(bytes, at, end)) return incompleteLine(head.progress, end);
  const version = parseVersion(bytes, at, end);
  if (head.method === METHOD_PRI) return -refuse.BAD_REQUEST_LINE; // The HTTP/2 preface, where HTTP/2 isn't spoken.
  if (version < 0) return version;
  head.minorVersion = version;
  at += VERSION_BYTES;
  if (bytes[at] !== CR) return -(bytes[at] === LF ? refuse.BARE_LF : refuse.BAD_REQUEST_LINE);
  return bytes[at + 1] === LF ? at + 2 : -refuse.BARE_CR;
}

/** Walks path and query, noting where the query begins and whether the path needs a second look. */
function scanTarget(head: RequestHead, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let previous = 0;
  head.queryStart = -1;
  head.pathStart = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (PATH[byte] === 0) break;
    if (byte === PERCENT || byte === SEMICOLON) head.pathIsPlain = false;
    else if (previous === SLASH && (byte === SLASH || byte === DOT)) head.pathIsPlain = false;
    previous = byte;
    at++;
  }
  head.pathEnd = at;
  if (at < end && bytes[at] === QUESTION) {
    at++;
    head.queryStart = at;
    while (at < end && QUERY[bytes[at]!] === 1) at++;
  }
  return at;
}

function parseStatusLine(head: ResponseHead, bytes: Uint8Array, start: number, end: number): number {
  if (start + VERSION_BYTES + 6 > end && !endsLine(bytes, start, end)) return incompleteLine(head.progress, end);
  const version = parseVersion(bytes, start, end);
  if (version < 0) return -refuse.BAD_STATUS_LINE;
  head.minorVersion = version;
  let at = start + VERSION_BYTES;
  if (bytes[at] !== SP) return -refuse.BAD_STATUS_LINE;
  at++;
  let status = 0;
  for (const stop = at + 3; at < stop; at++) {
    const digit = bytes[at]! - DIGIT_0;
    if (!(digit >= 0 && digit <= 9)) return -refuse.BAD_STATUS_LINE;
    status = status * 10 + digit;
  }
  if (status < 100) return -refuse.BAD_STATUS_LINE;
  head.status = status;
  // The space behind the code is left out by some servers together with the reason.
  if (bytes[at] === SP) at++;
  else if (bytes[at] !== CR) return -refuse.BAD_STATUS_LINE;
  head.reasonStart = at;
  at = endOfValue(bytes, at, end);
  head.reasonEnd = at;
  head.lineStart = version === 1 && bytes[head.reasonStart - 1] === SP ? start : -1;
  if (at + 1 >= end && (at === end || bytes[at] === CR)) return incompleteLine(head.progress, end);
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : -refuse.BAD_STATUS_LINE;
}

/** The minor version, or a refusal. */
function parseVersion(bytes: Uint8Array, at: number, end: number): number {
  if (at + VERSION_BYTES > end || !equalsText(bytes, at, at + 5, "HTTP/") || bytes[at + 6] !== DOT)
    return -refuse.BAD_VERSION;
  const major = bytes[at + 5]! - DIGIT_0;
  const minor = bytes[at + 7]! - DIGIT_0;
  if (major === 1 && (minor === 0 || minor === 1)) return minor;
  return -(minor === 0 && (major === 2 || major === 3) ? refuse.UNSUPPORTED_VERSION : refuse.BAD_VERSION);
}

/** Whether a LF has come since the last look; the first look always counts, so that mistakes are seen early. */
function hasNewLine(progress: ParseProgress, bytes: Uint8Array, start: number, end: number): boolean {
  if (progress.scannedTo <= start) return true;
  if (endsLine(bytes, progress.scannedTo, end)) return true;
  progress.scannedTo = end;
  return false;
}

function endsLine(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === LF) return true;
  return false;
}

function incompleteLine(progress: ParseProgress, end: number): number {
  progress.scannedTo = end;
  return INCOMPLETE;
}

/** More is to come, unless what there is takes too much already. */
function waitOrRefuse(progress: ParseProgress, start: number, end: number, bounds: HeadBounds): number {
  const { targetBytesMax, headBytesMax } = bounds;
  const lineBytes = progress.inFields || targetBytesMax === 0 ? 0 : end - progress.lineStart;
  if (lineBytes > targetBytesMax + AROUND_TARGET_BYTES_MAX) return -refuse.TARGET_TOO_LONG;
  return end - start > headBytesMax ? -refuse.HEAD_TOO_LARGE : INCOMPLETE;
}

function refusalOfLineStart(byte: number): number {
  if (byte === LF) return -refuse.BARE_LF;
  if (byte === SP || byte === HTAB) return -refuse.FOLDED_LINE;
  return -refuse.BAD_FIELD_NAME;
}

function refusalOfName(byte: number): number {
  if (byte === SP || byte === HTAB) return -refuse.SPACE_BEFORE_COLON;
  if (byte === LF) return -refuse.BARE_LF;
  return -(byte === CR ? refuse.NO_COLON : refuse.BAD_FIELD_NAME);
}
