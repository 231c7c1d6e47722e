/**
 * How a path is read. Upstreams disagree about what `%2F`, `//` and `;x=y` mean, so a path has two readings:
 *
 *     received   /a//b%2Fc;v=1/%7Eme
 *     literal    /a//b%2Fc;v=1/~me      escapes of unreserved characters decoded (RFC 3986 section 6.2.2.2)
 *     decoded    /a/b/c/~me             every escape decoded once, slashes merged, parameters stripped
 *
 * Both are routed and must lead to the same route; what is forwarded are the bytes received, or, when they
 * hold dot segments, the path without them (section 5.2.4). What no two servers agree upon is refused here.
 * Both readings keep characters that may not stand in a path as upper-case escapes, so that `%25` is decoded
 * only once and no reading holds a control character or a space.
 */

import { BACKSLASH, DOT, HEX, PATH, PERCENT, SEMICOLON, SLASH, UNRESERVED } from "../bytes/ascii.ts";

export interface PathReading {
  /** What is sent upstream. */
  readonly forwarded: string;
  readonly literal: string;
  readonly decoded: string;
}

export interface PathRefusal {
  /** What is wrong with the path, for the answer and the log. */
  readonly refused: string;
}

/** `path` is latin1 text of the bytes received, without query. */
export function readPath(path: string): PathReading | PathRefusal {
  if (path === "*") return ASTERISK;
  const refused = findFault(path);
  if (refused !== null) return { refused };
  const dots = hasDotSegments(path);
  if (dots && SLASH_OR_PARAMETER.test(path)) {
    return { refused: "an encoded slash, encoded backslash or path parameter beside a dot segment" };
  }
  const literal = decodeUnreserved(path);
  const decoded = decodeAll(path);
  // Slashes are merged before dot segments are removed: that is what makes `/a//../b` ambiguous.
  if (dots) {
    return {
      forwarded: removeDotSegments(path),
      literal: removeDotSegments(literal),
      decoded: removeDotSegments(decoded),
    };
  }
  // A dot segment that only the decoded reading has: `/..%2Fadmin`, `/..;x/admin`.
  if (hasDotSegments(decoded)) {
    return { refused: "a dot segment hidden by an encoded slash, encoded backslash or path parameter" };
  }
  return { forwarded: path, literal, decoded };
}

/** Whether any segment is `.` or `..`, each dot perhaps written as `%2e`. */
export function hasDotSegments(path: string): boolean {
  let start = path.charCodeAt(0) === SLASH ? 1 : 0;
  while (start <= path.length) {
    const end = segmentEnd(path, start);
    if (dotsInSegment(path, start, end) > 0) return true;
    start = end + 1;
  }
  return false;
}

/** Whether the path has one reading only: no escape, parameter, empty segment or dot segment, nothing to refuse. */
export function isPlainPath(path: string): boolean {
  return PLAIN.test(path) && !EMPTY_OR_DOTS.test(path);
}

/** Removes dot segments as RFC 3986 section 5.2.4 does; leaves every other byte as it is. */
export function normalisePath(path: string): string {
  return hasDotSegments(path) ? removeDotSegments(path) : path;
}

/**
 * A path written in a configuration, which may hold spaces and any Unicode, in its literal reading; or what
 * is wrong with it.
 */
export function readConfiguredPath(path: string): PathReading | PathRefusal {
  let text = "";
  for (const byte of new TextEncoder().encode(path)) {
    text += PATH[byte] === 1 ? String.fromCharCode(byte) : escapeByte(byte);
  }
  if (hasDotSegments(text)) return { refused: "a dot segment, which no request has after normalisation" };
  return readPath(text);
}

/** `%` and two upper-case hexadecimal digits. */
export function escapeByte(byte: number): string {
  return `%${HEX_DIGITS.charAt(byte >> 4)}${HEX_DIGITS.charAt(byte & 15)}`;
}

/** The value of two hexadecimal digits at `index`, or -1. */
export function hexPairAt(text: string, index: number): number {
  const high = HEX[text.charCodeAt(index)] ?? 255;
  const low = HEX[text.charCodeAt(index + 1)] ?? 255;
  return high > 15 || low > 15 ? -1 : high * 16 + low;
}

const HEX_DIGITS = "0123456789ABCDEF";
const SLASH_OR_PARAMETER = /%2f|%5c|;|%3b/i;
const PLAIN = /^\/[-/a-z0-9._~!$&'()*+,=:@|^[\]]*$/i;
const EMPTY_OR_DOTS = /\/(?:\/|\.\.?(?:\/|$))/;
const ASTERISK: PathReading = Object.freeze({ forwarded: "*", literal: "*", decoded: "*" });

/** The first byte or escape that is refused wherever it stands, as text; null when there is none. */
function findFault(path: string): string | null {
  if (path.charCodeAt(0) !== SLASH) return "a path that doesn't begin with a slash";
  let before = 0;
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    if (code !== PERCENT) {
      if (!isPathByte(code)) return `a character that has to be escaped (0x${code.toString(16).padStart(2, "0")})`;
      before = code;
      continue;
    }
    const byte = hexPairAt(path, index + 1);
    if (byte < 0) return "a % without two hexadecimal digits";
    if (byte === 0 || byte === 0x0a || byte === 0x0d) return `an escaped control character (${escapeByte(byte)})`;
    if (isOverlong(before, byte)) return "overlong UTF-8";
    before = byte;
    index += 2;
  }
  return null;
}

/** What may stand in a path unescaped, `/` included. */
function isPathByte(code: number): boolean {
  return PATH[code] === 1 && code !== PERCENT;
}

/** Whether the two bytes begin a UTF-8 sequence longer than needed (RFC 3629 section 3), by which `%c0%ae` is a dot. */
function isOverlong(lead: number, next: number): boolean {
  if (next < 0x80 || next > 0xbf) return false;
  switch (lead) {
    case 0xc0:
    case 0xc1:
      return true;
    case 0xe0:
      return next < 0xa0;
    case 0xf0:
      return next < 0x90;
    case 0xf8:
      return next < 0x88;
    case 0xfc:
      return next < 0x84;
    default:
      return false;
  }
}

/** Decodes escapes of unreserved characters, writes the others in upper case. */
function decodeUnreserved(path: string): string {
  if (!path.includes("%")) return path;
  let text = "";
  let copied = 0;
  for (let index = path.indexOf("%"); index >= 0; index = path.indexOf("%", index + 3)) {
    const byte = hexPairAt(path, index + 1);
    text += path.slice(copied, index) + (UNRESERVED[byte] === 1 ? String.fromCharCode(byte) : escapeByte(byte));
    copied = index + 3;
  }
  return text + path.slice(copied);
}

/** Decodes whatever may stand in a path unescaped, merges slashes, reads `\` as `/`, strips `;` up to the next slash. */
function decodeAll(path: string): string {
  let text = "";
  let inParameters = false;
  for (let index = 0; index < path.length; index++) {
    let code = path.charCodeAt(index);
    if (code === PERCENT) {
      code = hexPairAt(path, index + 1);
      index += 2;
    }
    if (code === BACKSLASH) code = SLASH;
    if (code === SLASH) {
      inParameters = false;
      if (text.charCodeAt(text.length - 1) !== SLASH) text += "/";
    } else if (code === SEMICOLON) {
      inParameters = true;
    } else if (!inParameters) {
      text += isPathByte(code) ? String.fromCharCode(code) : escapeByte(code);
    }
  }
  return text;
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  let start = 1;
  let endsInDots = false;
  while (start <= path.length) {
    const end = segmentEnd(path, start);
    const dots = dotsInSegment(path, start, end);
    if (dots === 2) kept.pop();
    if (dots === 0) kept.push(path.slice(start, end));
    endsInDots = dots > 0;
    start = end + 1;
  }
  if (endsInDots) kept.push("");
  return `/${kept.join("/")}`;
}

function segmentEnd(path: string, start: number): number {
  const slash = path.indexOf("/", start);
  return slash < 0 ? path.length : slash;
}

/** 1 or 2 when the segment consists of just that many dots, 0 for any other. */
function dotsInSegment(path: string, start: number, end: number): number {
  if (end - start > 6) return 0;
  let dots = 0;
  for (let index = start; index < end; index++) {
    const code = path.charCodeAt(index);
    if (code === PERCENT && index + 2 < end && hexPairAt(path, index + 1) === DOT) index += 2;
    else if (code !== DOT) return 0;
    dots++;
  }
  return dots > 2 ? 0 : dots;
}
