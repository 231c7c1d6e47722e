/**
 * Character codes, the character classes of the HTTP grammar as 256-entry tables, and number reading that
 * refuses instead of guessing: `parseInt` takes `0x5`, `Number` takes `1e1`, 32-bit operators wrap, and
 * `toLowerCase` folds the Kelvin sign into `k`. None of them may touch bytes from the wire.
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const PERCENT = 0x25;
export const ASTERISK = 0x2a;
export const COMMA = 0x2c;
export const DOT = 0x2e;
export const SLASH = 0x2f;
export const DIGIT_0 = 0x30;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const QUESTION = 0x3f;
export const AT = 0x40;
export const OPENING_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSING_BRACKET = 0x5d;
export const DEL = 0x7f;

/** token = 1*tchar (RFC 9110 section 5.6.2). */
export const TOKEN = classOf("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** field-value bytes: HTAB, SP, visible ASCII and obs-text (RFC 9110 section 5.5); no other control. */
export const FIELD_VALUE = rangesOf([HTAB, HTAB], [SP, 0x7e], [0x80, 0xff]);

/**
 * What may stand in a path: the characters of RFC 3986 section 3.3 and `|` and `^`, which browsers send raw.
 * `\`, quotes, angle brackets, braces and the backtick are refused: servers disagree about them.
 */
export const PATH = classOf("!$%&'()*+,-./:;=@[]^_|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** What may stand in a query: every visible ASCII byte but `#`. */
export const QUERY = rangesOf([0x21, 0x22], [0x24, 0x7e]);

/** Unreserved characters (RFC 3986 section 2.3): what no reader of a URI takes for anything else. Host names consist of these. */
export const UNRESERVED = classOf("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** The alphabet of base64 (RFC 4648 section 4), without the padding. */
export const BASE64 = classOf("+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** ASCII lower case; every other byte is itself. */
export const LOWER = lowerTable();

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX = hexTable();

/** Ways `parseDecimal` refuses. */
export const NOT_A_NUMBER = -1;
export const NUMBER_TOO_LARGE = -2;

/** 2^53 - 1 has 16 digits; 15 digits are always exact. */
const DECIMAL_DIGITS_EXACT = 15;

/**
 * `1*DIGIT` as an exact integer (RFC 9110 section 8.6 warns of precision loss), leading zeros allowed.
 * NOT_A_NUMBER for anything else, NUMBER_TOO_LARGE from 10^15 up.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return NOT_A_NUMBER;
  let value = 0;
  let significant = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - DIGIT_0;
    if (digit < 0 || digit > 9) return NOT_A_NUMBER;
    if (significant > 0 || digit > 0) significant++;
    if (significant <= DECIMAL_DIGITS_EXACT) value = value * 10 + digit;
  }
  return significant > DECIMAL_DIGITS_EXACT ? NUMBER_TOO_LARGE : value;
}

/** Whether the bytes spell `lowerText`, which must be lower case, ASCII letters compared without case. */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lowerText: string): boolean {
  if (end - start !== lowerText.length) return false;
  for (let i = 0; i < lowerText.length; i++) {
    if (LOWER[bytes[start + i]!] !== lowerText.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether the bytes are exactly `text` (ASCII). */
export function equalsText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** ASCII lower case of latin1 text; other characters stay as they are. */
export function lowerText(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) {
      return text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
    }
  }
  return text;
}

/** Whether `text` is not empty and all of it in the class. */
export function isAllOf(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false;
  return text !== "";
}

function classOf(members: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < members.length; i++) table[members.charCodeAt(i)] = 1;
  return table;
}

function rangesOf(...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [first, last] of ranges) table.fill(1, first, last + 1);
  return table;
}

function lowerTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 0; code < 256; code++) table[code] = code >= 0x41 && code <= 0x5a ? code + 32 : code;
  return table;
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 10; digit++) table[DIGIT_0 + digit] = digit;
  for (let digit = 10; digit < 16; digit++) {
    table[0x41 + digit - 10] = digit;
    table[0x61 + digit - 10] = digit;
  }
  return table;
}
