/**
 * A head about to be sent: the fields of the head it came from that are not dropped, in their order, then the lines
 * this proxy adds. Independent of the wire version; `h1/write-head.ts` makes bytes of it.
 */

import { COLON, CR, DEL, HTAB, LF, SP } from "../bytes/ascii.ts";
import { copyBytes, writeLatin1 } from "../bytes/text.ts";
import type { Fields } from "./fields.ts";
import { BODY_NONE } from "./message.ts";

/** A field we add. Made once where the text never changes; its HTTP/1.1 bytes are kept with it. */
export class FieldLine {
  readonly name: string;
  readonly value: string;
  #bytes: Uint8Array | null = null;

  /** Both must be latin1 without control characters: what comes from configuration or peers is checked before. */
  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }

  /** `Name: value CR LF` */
  get bytes(): Uint8Array {
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(this.length);
      this.writeTo(this.#bytes, 0);
    }
    return this.#bytes;
  }

  get length(): number {
    return this.name.length + this.value.length + 4;
  }

  /** The same bytes into `target` from `at`; answers where they ended. */
  writeTo(target: Uint8Array, at: number): number {
    let end = writeLatin1(this.name, target, at);
    target[end++] = COLON;
    target[end++] = SP;
    end = writeLatin1(assertLine(this.value), target, end);
    target[end++] = CR;
    target[end++] = LF;
    return end;
  }
}

/**
 * Several fields we add that stay the same from request to request: one run of bytes from the second on. With a connection
 * for each request there is a block for each, too, of which the first is the only one.
 */
export class FieldBlock {
  readonly lines: readonly FieldLine[];
  readonly length: number;
  #bytes: Uint8Array | null = null;
  #isWritten = false;

  constructor(lines: readonly FieldLine[]) {
    this.lines = lines;
    let length = 0;
    for (const line of lines) length += line.length;
    this.length = length;
  }

  get bytes(): Uint8Array {
    if (this.#bytes === null) {
      this.#bytes = new Uint8Array(this.length);
      this.#writeLines(this.#bytes, 0);
    }
    return this.#bytes;
  }

  /** The bytes into `target` from `at`; answers where they ended. */
  writeTo(target: Uint8Array, at: number): number {
    const isFirst = !this.#isWritten;
    this.#isWritten = true;
    return isFirst ? this.#writeLines(target, at) : copyBytes(this.bytes, 0, this.length, target, at);
  }

  #writeLines(target: Uint8Array, at: number): number {
    let end = at;
    for (const line of this.lines) end = line.writeTo(target, end);
    return end;
  }
}

export class OutgoingHead {
  /** Those it takes over; null for a head that is all ours. */
  fields: Fields | null = null;
  /** Comes before `lines`. */
  block: FieldBlock | null = null;
  readonly lines: FieldLine[] = [];
  /** How the body will be framed (`message.ts`); with BODY_LENGTH and BODY_NONE a known length may be told. */
  body = BODY_NONE;
  /** -1: none is told. */
  contentLength = -1;

  /** The incoming first line in `fields.bytes`, with its CR LF, where it reads as we would write it; -1 writes it anew. */
  lineStart = -1;
  lineEnd = -1;

  // Requests:
  method = "";
  /** Path and query; null sends the incoming ones byte for byte. */
  target: string | null = null;

  // Responses:
  status = 0;

  add(name: string, value: string): void {
    this.lines.push(new FieldLine(name, value));
  }

  /** Makes lines of everything, so that the head it came from is no longer needed. */
  detach(): void {
    this.unfoldBlock();
    const { fields } = this;
    if (fields === null) return;
    const kept: FieldLine[] = [];
    for (let index = 0; index < fields.count; index++)
      if (!fields.isDropped(index)) kept.push(new FieldLine(fields.nameText(index), fields.valueText(index)));
    this.lines.unshift(...kept);
    this.fields = null;
    this.lineStart = -1;
    this.lineEnd = -1;
  }

  /** Makes lines of the block, for whoever wants to take some of them out. */
  unfoldBlock(): void {
    if (this.block !== null) this.lines.unshift(...this.block.lines);
    this.block = null;
  }
}

/** A line break here would be a second field: the last gate before the wire. */
export function assertLine(value: string): string {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < SP && code !== HTAB) || code === DEL || code > 0xff) {
      throw new Error(
        `a field value with character U+${code.toString(16)} reached the wire; refuse it where it came in`,
      );
    }
  }
  return value;
}
