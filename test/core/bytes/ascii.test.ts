import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  equalsIgnoreCase,
  equalsText,
  FIELD_VALUE,
  HEX,
  isAllOf,
  LOWER,
  lowerText,
  NOT_A_NUMBER,
  NUMBER_TOO_LARGE,
  PATH,
  parseDecimal,
  QUERY,
  TOKEN,
  UNRESERVED,
} from "../../../core/bytes/ascii.ts";
import { bytesOfText } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

/** The bytes a table holds, as ranges: `30-39 41-5a`. */
function ranges(table: Uint8Array): string {
  const found: string[] = [];
  for (let code = 0; code < 256; code++) {
    if (table[code] !== 1) continue;
    const first = code;
    while (table[code + 1] === 1) code++;
    found.push(first === code ? hex(first) : `${hex(first)}-${hex(code)}`);
  }
  return found.join(" ");
}

function hex(code: number): string {
  return code.toString(16).padStart(2, "0");
}

describe("character classes", () => {
  const check = (table: Uint8Array, expected: string): void => assert.equal(ranges(table), expected);

  it("TOKEN is tchar of RFC 9110 section 5.6.2", () => {
    check(TOKEN, "21 23-27 2a-2b 2d-2e 30-39 41-5a 5e-7a 7c 7e");
  });

  it("FIELD_VALUE is HTAB, SP, VCHAR and obs-text", () => check(FIELD_VALUE, "09 20-7e 80-ff"));

  it("PATH is pchar, / and what browsers send raw", () => {
    check(PATH, "21 24-3b 3d 40-5b 5d-5f 61-7a 7c 7e");
  });

  it("QUERY is every visible byte but #", () => check(QUERY, "21-22 24-7e"));

  it("UNRESERVED are letters, digits and - . _ ~", () => check(UNRESERVED, "2d-2e 30-39 41-5a 5f 61-7a 7e"));

  it("are asked for whole texts by isAllOf", () => {
    assert.deepEqual(
      ["a-b", "a b", "\u0161", ""].map((text) => isAllOf(TOKEN, text)),
      [true, false, false, false],
    );
  });

  it("LOWER folds the 26 letters and nothing else (J04)", () => {
    for (let code = 0; code < 256; code++) {
      const letter = String.fromCharCode(code);
      assert.equal(LOWER[code], /[A-Z]/.test(letter) ? letter.toLowerCase().charCodeAt(0) : code);
    }
  });

  it("HEX knows 22 digits", () => {
    for (let code = 0; code < 256; code++) {
      const digit = "0123456789abcdef".indexOf(String.fromCharCode(LOWER[code]!));
      assert.equal(HEX[code], digit === -1 ? 255 : digit, hex(code));
    }
  });
});

describe("parseDecimal", () => {
  function check(text: string, expected: number): void {
    assert.equal(parseDecimal(bytesOfText(text), 0, text.length), expected, JSON.stringify(text));
    // Neighbours are no part of the number.
    assert.equal(parseDecimal(bytesOfText(`9${text}9`), 1, text.length + 1), expected, JSON.stringify(text));
  }

  it("reads decimal digits and nothing like them (F05, J01, J02)", () => {
    check("0", 0);
    check("010", 10);
    check("00000000000000000000000000005", 5);
    for (const text of ["", "+5", "-5", "-0", "0x5", "5 5", " 5", "5 ", "5;", "5.0", "5e0", "1_0", '"5"', "5\x0b"]) {
      check(text, NOT_A_NUMBER);
    }
    for (const text of ["\xa05", "\xef\xbc\x95", "5\0", "\t5", "5,5", "٥".replace(/./g, "\xd9\xa5")]) {
      check(text, NOT_A_NUMBER);
    }
  });

  it("refuses what a double may not count exactly (J03)", () => {
    check("999999999999999", 999999999999999);
    check("1000000000000000", NUMBER_TOO_LARGE);
    check("9007199254740993", NUMBER_TOO_LARGE);
    check("18446744073709551616", NUMBER_TOO_LARGE);
    check("9".repeat(400), NUMBER_TOO_LARGE);
    check(`${"9".repeat(400)}x`, NOT_A_NUMBER);
  });

  it("agrees with BigInt", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 24 });
    alwaysHolds(
      fc.property(digits, (text) => {
        const exact = BigInt(text);
        check(text, exact >= 10n ** 15n ? NUMBER_TOO_LARGE : Number(exact));
      }),
    );
  });
});

describe("comparing bytes with text", () => {
  it("equalsIgnoreCase folds ASCII letters only", () => {
    const check = (text: string, lower: string, expected: boolean): void =>
      assert.equal(equalsIgnoreCase(bytesOfText(`x${text}x`), 1, text.length + 1, lower), expected, text);
    check("CHUNKED", "chunked", true);
    check("chUnKed", "chunked", true);
    check("", "", true);
    check("chunke", "chunked", false);
    check("chunkedd", "chunked", false);
    check("chun\xe2\x84\xaaed", "chunked", false);
    check("[", "{", false); // 0x20 apart, as letters are, but no letters
    check("@", "`", false);
  });

  it("equalsText is exact", () => {
    const check = (text: string, other: string, expected: boolean): void =>
      assert.equal(equalsText(bytesOfText(`x${text}x`), 1, text.length + 1, other), expected, text);
    check("HTTP/", "HTTP/", true);
    check("http/", "HTTP/", false);
    check("HTTP", "HTTP/", false);
    check("HTTP/1", "HTTP/", false);
  });

  it("lowerText leaves everything but A-Z as it is", () => {
    assert.equal(lowerText("Example.COM"), "example.com");
    assert.equal(lowerText("plain"), "plain");
    assert.equal(lowerText(""), "");
    assert.equal(lowerText("\xc0K\u212a"), "\xc0k\u212a");
  });
});
