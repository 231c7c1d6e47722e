/**
 * The fields of a head as offsets into its bytes: no strings, no copies; order, case and duplicates stay as sent.
 *
 *     bytes: …Host: example.com\r\nAccept:*\/*\r\n…
 *             │   │ │          │
 *             │   │ │          valueEnd
 *             │   │ valueStart
 *             │   nameEnd
 *             nameStart                     one row of `#rows` per field: four offsets and what it is
 *
 * `first` and `counts` answer "where is Host" and "how many" by id (`known-fields.ts`) in one step.
 */

import { COMMA, HTAB, LOWER, SP } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import { ALIAS, isAliasOf, isFraming, KNOWN_FIELDS, knownField, UNKNOWN } from "./known-fields.ts";

const STRIDE = 5;
const NAME_START = 0;
const NAME_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const ID = 4;

const ROWS_AT_FIRST = 24;
const COUNT_MAX = 255;
const NOTHING = new Uint8Array(0);

/** Set in a row's id by `drop`: the field stays readable but is not passed on. */
const DROPPED = 0x100;
const ID_MASK = 0x3f;

export class Fields {
  bytes: Uint8Array = NOTHING;
  count = 0;
  #rows = new Int32Array(ROWS_AT_FIRST * STRIDE);
  readonly #first = new Int16Array(KNOWN_FIELDS.length).fill(-1);
  readonly #counts = new Uint8Array(KNOWN_FIELDS.length);

  clear(): void {
    // Only what was touched: heads are small, and two native calls would cost more than this loop.
    for (let row = ID; row < this.count * STRIDE; row += STRIDE) {
      const id = this.#rows[row]! & ID_MASK;
      this.#first[id] = -1;
      this.#counts[id] = 0;
    }
    this.bytes = NOTHING;
    this.count = 0;
  }

  /** Adds a row; the caller has checked the syntax. */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const row = this.count * STRIDE;
    if (row + STRIDE > this.#rows.length) this.#grow();
    const rows = this.#rows;
    const id = knownField(this.bytes, nameStart, nameEnd);
    rows[row + NAME_START] = nameStart;
    rows[row + NAME_END] = nameEnd;
    rows[row + VALUE_START] = valueStart;
    rows[row + VALUE_END] = valueEnd;
    rows[row + ID] = id;
    if (id !== UNKNOWN && (id & ALIAS) === 0) {
      if (this.#first[id] === -1) this.#first[id] = this.count;
      // Never around to 0: that many Content-Length fields must not be none.
      if (this.#counts[id]! < COUNT_MAX) this.#counts[id]!++;
    }
    this.count++;
  }

  /** Where the last value ends, and the CR LF behind it begins; 0 without fields. */
  get lastEnd(): number {
    return this.count === 0 ? 0 : this.valueEnd(this.count - 1);
  }

  /** The bytes moved to the front by `distance` (see Inbox.append). */
  shift(bytes: Uint8Array, distance: number): void {
    this.bytes = bytes;
    for (let row = 0; row < this.count * STRIDE; row += STRIDE) {
      for (let column = NAME_START; column <= VALUE_END; column++) this.#rows[row + column]! -= distance;
    }
  }

  /** Index of the first field with this id, or -1. Aliases don't count. */
  find(id: number): number {
    return this.#first[id]!;
  }

  /** How many fields have this id, counted up to 255. */
  countOf(id: number): number {
    return this.#counts[id]!;
  }

  nameStart(index: number): number {
    return this.#rows[index * STRIDE + NAME_START]!;
  }
  nameEnd(index: number): number {
    return this.#rows[index * STRIDE + NAME_END]!;
  }
  valueStart(index: number): number {
    return this.#rows[index * STRIDE + VALUE_START]!;
  }
  valueEnd(index: number): number {
    return this.#rows[index * STRIDE + VALUE_END]!;
  }

  /** The id, without alias and dropped marks. */
  id(index: number): number {
    return this.#rows[index * STRIDE + ID]! & ID_MASK;
  }

  isAlias(index: number): boolean {
    return (this.#rows[index * STRIDE + ID]! & ALIAS) !== 0;
  }

  /** Marks a field as not to be passed on. */
  drop(index: number): void {
    this.#rows[index * STRIDE + ID]! |= DROPPED;
  }

  /** Takes a `drop` back. */
  restore(index: number): void {
    this.#rows[index * STRIDE + ID]! &= ~DROPPED;
  }

  isDropped(index: number): boolean {
    return (this.#rows[index * STRIDE + ID]! & DROPPED) !== 0;
  }

  /**
   * Drops every field of this (lower-case) name and its aliases. Never one that frames the message or says where it
   * goes, whatever was asked for: what follows would be read as a second message.
   */
  dropNamed(name: string): void {
    for (let index = 0; index < this.count; index++) {
      if (isFraming(this.id(index)) && !this.isAlias(index)) continue;
      if (isAliasOf(this.bytes, this.nameStart(index), this.nameEnd(index), name)) this.drop(index);
    }
  }

  nameText(index: number): string {
    return latin1(this.bytes, this.nameStart(index), this.nameEnd(index));
  }

  valueText(index: number): string {
    return latin1(this.bytes, this.valueStart(index), this.valueEnd(index));
  }

  /** The value of a field by lower-case name, several joined (RFC 9110 section 5.3); null when absent. */
  value(name: string): string | null {
    let value: string | null = null;
    for (let index = 0; index < this.count; index++) {
      if (!this.isNamed(index, name)) continue;
      value = value === null ? this.valueText(index) : joined(name, value, this.valueText(index));
    }
    return value;
  }

  /** Whether the field's name is this lower-case one. */
  isNamed(index: number, name: string): boolean {
    const start = this.nameStart(index);
    if (this.nameEnd(index) - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (LOWER[this.bytes[start + i]!] !== name.charCodeAt(i)) return false;
    return true;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

/** Cookies are no list of the usual kind: a comma may stand in one (RFC 9113 section 8.2.3). */
export function joined(name: string, value: string, next: string): string {
  return name === "cookie" ? `${value}; ${next}` : `${value}, ${next}`;
}

/**
 * Walks the members of a comma-separated list, white space around each cut off, empty ones left out (RFC 9110
 * section 5.6.1). `onMember` answers false to stop. Quotes have no meaning here: for lists of tokens only.
 */
export function eachMember(
  bytes: Uint8Array,
  start: number,
  end: number,
  onMember: (start: number, end: number) => boolean,
): void {
  let at = start;
  while (at < end) {
    let stop = at;
    while (stop < end && bytes[stop] !== COMMA) stop++;
    let from = at;
    let to = stop;
    while (from < to && (bytes[from] === SP || bytes[from] === HTAB)) from++;
    while (to > from && (bytes[to - 1] === SP || bytes[to - 1] === HTAB)) to--;
    if (to > from && !onMember(from, to)) return;
    at = stop + 1;
  }
}
