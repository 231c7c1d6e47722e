/**
 * Outgoing heads to bytes. Framing is written from what was parsed, never copied; fields that pass are copied as one
 * run where they already stand as we would write them (`Name: value CR LF`), else line by line.
 */

import { DEL, HTAB, SP } from "../bytes/ascii.ts";
import type { Outbox } from "../bytes/outbox.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_CHUNKED, METHOD_OPTIONS, type RequestHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { reasonOf } from "../http/status.ts";

/** What of an outbox a head is written into; also of whoever only wants to look at one. */
export type HeadTaker = Pick<Outbox, "text" | "copy" | "block">;

const STATUS_LINES = new Map<number, string>();

/** The request line and fields of `outgoing`; method and target from `incoming` unless `outgoing` brings its own. */
export function writeRequestHead(outbox: HeadTaker, outgoing: OutgoingHead, incoming: RequestHead): void {
  if (outgoing.lineStart === -1) writeRequestLine(outbox, outgoing, incoming);
  writeFields(outbox, outgoing);
}

export function writeResponseHead(outbox: HeadTaker, outgoing: OutgoingHead): void {
  if (outgoing.lineStart === -1) outbox.text(statusLine(outgoing.status));
  writeFields(outbox, outgoing);
}

function writeRequestLine(outbox: HeadTaker, outgoing: OutgoingHead, incoming: RequestHead): void {
  const { bytes } = incoming.fields;
  if (outgoing.method !== "") outbox.text(`${outgoing.method} `);
  else outbox.copy(bytes, incoming.methodStart, incoming.methodEnd + 1); // with the space behind it
  if (outgoing.target !== null) {
    outbox.text(assertTarget(outgoing.target));
  } else {
    if (incoming.pathEnd === incoming.pathStart) outbox.text(isOfWholeServer(incoming) ? "*" : "/");
    outbox.copy(bytes, incoming.pathStart, incoming.targetEnd);
  }
  outbox.text(" HTTP/1.1\r\n");
}

/** `OPTIONS http://a` is asked of the server as a whole (RFC 9112 section 3.2.4). */
function isOfWholeServer(incoming: RequestHead): boolean {
  return incoming.method === METHOD_OPTIONS && incoming.queryStart === -1;
}

function writeFields(outbox: HeadTaker, outgoing: OutgoingHead): void {
  if (outgoing.fields !== null) writeKept(outbox, outgoing.fields, outgoing.lineStart, outgoing.lineEnd);
  if (outgoing.block !== null) outbox.block(outgoing.block);
  for (let i = 0; i < outgoing.lines.length; i++) {
    const { bytes } = outgoing.lines[i]!;
    outbox.copy(bytes, 0, bytes.length);
  }
  if (outgoing.body === BODY_CHUNKED) outbox.text("Transfer-Encoding: chunked\r\n\r\n");
  else if (outgoing.contentLength >= 0) outbox.text(`Content-Length: ${outgoing.contentLength}\r\n\r\n`);
  else outbox.text("\r\n");
}

/** `bytes[runStart, runEnd)` is the run so far of what already stands in our form: the first line, then kept fields. */
function writeKept(outbox: HeadTaker, fields: Fields, lineStart: number, lineEnd: number): void {
  const { bytes, count } = fields;
  let runStart = lineStart;
  let runEnd = lineEnd;
  for (let index = 0; index < count; index++) {
    if (fields.isDropped(index)) continue;
    const nameStart = fields.nameStart(index);
    const nameEnd = fields.nameEnd(index);
    const valueStart = fields.valueStart(index);
    const valueEnd = fields.valueEnd(index);
    const isOurForm = valueStart === nameEnd + 2 && bytes[nameEnd + 1] === SP && !isBlank(bytes[valueEnd]!);
    if (isOurForm && nameStart === runEnd) {
      runEnd = valueEnd + 2;
      continue;
    }
    outbox.copy(bytes, runStart, runEnd);
    if (isOurForm) {
      runStart = nameStart;
      runEnd = valueEnd + 2;
    } else {
      runStart = 0;
      runEnd = 0;
      outbox.copy(bytes, nameStart, nameEnd);
      outbox.text(": ");
      outbox.copy(bytes, valueStart, valueEnd);
      outbox.text("\r\n");
    }
  }
  outbox.copy(bytes, runStart, runEnd);
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function statusLine(status: number): string {
  let line = STATUS_LINES.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
    STATUS_LINES.set(status, line);
  }
  return line;
}

function assertTarget(target: string): string {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= SP || code >= DEL)
      throw new Error("a rewritten target with a control character or space reached the wire");
  }
  return target;
}
