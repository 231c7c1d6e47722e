/**
 * A Response of the Web's kind → the head it is sent with, or a TypeError that says why it cannot be. What frames a
 * message or concerns one connection is ours and left out.
 */

import { FIELD_VALUE, TOKEN } from "../bytes/ascii.ts";
import { uneditable } from "../route/field-edits.ts";
import { isResponse, sendable, statusOf } from "./check-answer.ts";
import { kindOf, quoted } from "./describe-value.ts";
import type { ByteStream } from "./hooks.ts";

export interface AnswerHead {
  readonly status: number;
  /** Names as they are to be written, in lower case, and values. */
  readonly fields: readonly (readonly [string, string])[];
  /** What it says of its body; -1: nothing. */
  readonly length: number;
  /** Null: there is none. */
  readonly body: ByteStream | null;
}

export interface AnswerBounds {
  readonly responseHeadBytesMax: number;
  readonly responseFieldsMax: number;
}

const AROUND_FIELD = ": \r\n".length;

export function readAnswer(response: unknown, bounds: AnswerBounds): AnswerHead {
  if (!isResponse(response)) throw new TypeError(`it answered ${kindOf(response)}; answer a Response`);
  const status = statusOf(response.status);
  const { headers, body } = sendable(response);
  const fields: [string, string][] = [];
  const named = namedBy(headers.get("connection"));
  let length = -1;
  let bytes = 0;
  // The runtime's own `fetch` decodes, and leaves the fields as they were.
  const isDecoded = response.url !== "" && response.url !== undefined && headers.has("content-encoding");
  for (const [name, value] of headers) {
    checkField(name, value);
    if (name === "content-length") length = isDecoded ? -1 : lengthOf(value);
    if (uneditable(name) !== null || named.includes(name) || (isDecoded && name === "content-encoding")) continue;
    fields.push([name, value]);
    bytes += name.length + value.length + AROUND_FIELD;
    if (fields.length > bounds.responseFieldsMax)
      throw new TypeError(`its Response has more than ${bounds.responseFieldsMax} fields (limits.responseFields)`);
    if (bytes > bounds.responseHeadBytesMax)
      throw new TypeError(
        `the head of its Response is larger than ${bounds.responseHeadBytesMax} bytes (limits.responseHead)`,
      );
  }
  return { status, fields, length, body };
}

/** A Response or a stream that came too late, or cannot be sent: whoever makes its body need not go on. */
export async function discardAnswer(answer: unknown): Promise<void> {
  try {
    const body = isResponse(answer) ? answer.body : answer;
    if (typeof body === "object" && body !== null && "locked" in body && !body.locked)
      await (body as ByteStream).cancel();
  } catch {
    // It is nothing, or cannot be told.
  }
}

/** The runtime's own headers hold nothing else; those of a framework may. The value is not shown: it may be a secret. */
function checkField(name: unknown, value: unknown): void {
  if (typeof name !== "string" || name === "" || !isOf(TOKEN, name))
    throw new TypeError(`its Response has a field ${quoted(String(name))}, which is no field name`);
  if (typeof value !== "string" || !isOf(FIELD_VALUE, value))
    throw new TypeError(`the value of ${JSON.stringify(name)} in its Response holds what cannot stand in a field`);
}

function isOf(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || table[code] !== 1) return false;
  }
  return true;
}

function lengthOf(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new TypeError(`its Response has Content-Length ${quoted(value)}, which is no length`);
}

function namedBy(connection: string | null): readonly string[] {
  return connection === null ? [] : connection.split(",").map((name) => name.trim().toLowerCase());
}
