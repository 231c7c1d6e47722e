import assert from "node:assert/strict";
import { type HeadBounds, parseRequestHead, parseResponseHead } from "../../../core/h1/parse-head.ts";
import { Fields } from "../../../core/http/fields.ts";
import { RequestHead, ResponseHead } from "../../../core/http/message.ts";
import { bytesOfText, wire } from "../../../testing/wire.ts";

const ANY: HeadBounds = { headBytesMax: 1e6, fieldsMax: 1e4, nameBytesMax: 1e4, targetBytesMax: 1e6 };

/** A parsed head from its text with `\n` for line ends (see `wire`), the empty line left out. */
export function requestHead(text: string): RequestHead {
  const head = new RequestHead();
  const bytes = wire(`${text}\n\n`);
  assert.equal(parseRequestHead(head, bytes, 0, bytes.length, ANY), bytes.length, `not a head: ${text}`);
  return head;
}

export function responseHead(text: string): ResponseHead {
  const head = new ResponseHead();
  const bytes = wire(`${text}\n\n`);
  assert.equal(parseResponseHead(head, bytes, 0, bytes.length, ANY), bytes.length, `not a head: ${text}`);
  return head;
}

/** `Name: value` each, byte for byte: also what no parser would let through. */
export function fieldsOf(...lines: readonly string[]): Fields {
  const fields = new Fields();
  fields.bytes = bytesOfText(`\r\n${lines.map((line) => `${line}\r\n`).join("")}`);
  let at = 2;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const nameEnd = colon === -1 ? line.length : colon;
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^[ \t]+/, "");
    const valueEnd = at + line.length;
    fields.add(at, at + nameEnd, valueEnd - value.length, valueEnd);
    at = valueEnd + 2;
  }
  return fields;
}

/** What would be passed on. */
export function kept(fields: Fields): string[] {
  const lines: string[] = [];
  for (let index = 0; index < fields.count; index++) {
    if (!fields.isDropped(index)) lines.push(`${fields.nameText(index)}: ${fields.valueText(index)}`);
  }
  return lines;
}
