/**
 * The four forms of a request target (RFC 9112 section 3.2). Whatever the form, one authority counts everywhere:
 * routing, logging and what the upstream is told.
 */

import { ASTERISK, AT, COLON, equalsIgnoreCase, lowerText, SLASH } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import * as refuse from "../fault.ts";
import { endOfHostName, hostText, portText } from "./host.ts";
import { HOST } from "./known-fields.ts";
import { METHOD_CONNECT, METHOD_OPTIONS, METHOD_TRACE, type RequestHead } from "./message.ts";

const DEFAULT_PORTS = new Map([
  ["http", "80"],
  ["https", "443"],
]);

/** Settles path, query and host of a parsed head; answers 0 or a negative refusal. */
export function resolveTarget(head: RequestHead, scheme: "http" | "https"): number {
  const { fields } = head;
  if (head.method === METHOD_CONNECT || head.method === METHOD_TRACE) return -refuse.METHOD_NOT_ALLOWED;
  const hosts = fields.countOf(HOST);
  if (hosts > 1 || (hosts === 0 && head.minorVersion === 1)) return -refuse.BAD_HOST;
  if (hosts === 1) {
    const index = fields.find(HOST);
    head.hostStart = fields.valueStart(index);
    head.hostEnd = fields.valueEnd(index);
    if (endOfHostName(fields.bytes, head.hostStart, head.hostEnd) === -1) return -refuse.BAD_HOST;
  }
  const first = fields.bytes[head.targetStart];
  if (first === SLASH) return 0;
  if (first === ASTERISK) {
    return head.method === METHOD_OPTIONS && head.targetEnd - head.targetStart === 1 ? 0 : -refuse.BAD_TARGET;
  }
  return resolveAbsolute(head, scheme);
}

/** `http://host/path?query`: the host must be the one in Host, the rest is as in the origin form. */
function resolveAbsolute(head: RequestHead, scheme: "http" | "https"): number {
  const { bytes } = head.fields;
  let schemeEnd = head.targetStart;
  while (schemeEnd < head.pathEnd && bytes[schemeEnd] !== COLON) schemeEnd++;
  const isDoubleSlash = bytes[schemeEnd + 1] === SLASH && bytes[schemeEnd + 2] === SLASH;
  if (schemeEnd === head.pathEnd || !isDoubleSlash) return -refuse.BAD_TARGET;
  if (!equalsIgnoreCase(bytes, head.targetStart, schemeEnd, scheme)) {
    const isHttp = DEFAULT_PORTS.has(lowerText(latin1(bytes, head.targetStart, schemeEnd)));
    return -(isHttp ? refuse.WRONG_SCHEME : refuse.BAD_TARGET);
  }
  const start = schemeEnd + 3;
  let end = start;
  while (end < head.pathEnd && bytes[end] !== SLASH) {
    if (bytes[end] === AT) return -refuse.BAD_TARGET; // Credentials in a target are nobody's business here.
    end++;
  }
  if (endOfHostName(bytes, start, end) === -1) return -refuse.BAD_HOST;
  if (head.hostEnd > head.hostStart && !isSameAuthority(head, start, end, scheme)) return -refuse.AUTHORITY_MISMATCH;
  head.hostStart = start;
  head.hostEnd = end;
  head.pathStart = end;
  head.pathIsPlain = isPlain(bytes, end, head.pathEnd);
  return 0;
}

function isSameAuthority(head: RequestHead, start: number, end: number, scheme: string): boolean {
  const { bytes } = head.fields;
  const port = (from: number, to: number) => portText(bytes, from, to) || DEFAULT_PORTS.get(scheme);
  return (
    hostText(bytes, start, end) === hostText(bytes, head.hostStart, head.hostEnd) &&
    port(start, end) === port(head.hostStart, head.hostEnd)
  );
}

function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  const path = latin1(bytes, start, end);
  return !/[%;]|\/[/.]/.test(path);
}
