import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  bytesOf,
  byteText,
  copyBytes,
  copyOf,
  decodeUtf8,
  latin1,
  portableLatin1,
  trimBlanks,
  writeLatin1,
} from "../../../core/bytes/text.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, code) => code);
const EVERY_CHARACTER = Array.from(EVERY_BYTE, (code) => String.fromCharCode(code)).join("");

describe("latin1", () => {
  for (const [name, read] of [
    ["the runtime's", latin1],
    ["the portable", portableLatin1],
  ] as const) {
    it(`${name} version maps every byte to the character of the same number`, () => {
      assert.equal(read(EVERY_BYTE, 0, 256), EVERY_CHARACTER);
      assert.equal(read(EVERY_BYTE, 0x41, 0x44), "ABC");
      assert.equal(read(EVERY_BYTE, 7, 7), "");
    });

    it(`${name} version reads views and long texts`, () => {
      const long = new Uint8Array(10_000).map((_, i) => i & 0xff);
      const view = long.subarray(1, 9_999);
      let expected = "";
      for (const byte of view) expected += String.fromCharCode(byte);
      assert.equal(read(view, 0, view.length), expected);
      assert.equal(read(view, 4_095, 8_193), expected.slice(4_095, 8_193));
    });
  }

  it("comes back as the same bytes", () => {
    alwaysHolds(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.deepEqual(bytesOf(latin1(bytes, 0, bytes.length)), new Uint8Array(bytes));
      }),
    );
  });
});

describe("writing latin1", () => {
  it("writes from a place and answers where it ended", () => {
    const target = new Uint8Array(6).fill(0x2e);
    assert.equal(writeLatin1("a\xff", target, 2), 4);
    assert.equal(latin1(target, 0, 6), "..a\xff..");
  });

  it("refuses what would be cut to another byte on the wire (J06)", () => {
    for (const text of ["\u560d\u560a", "\u760d", "a\u0100", "\u{1f600}"]) {
      assert.throws(() => bytesOf(text), /refuse it earlier/);
    }
    assert.deepEqual(bytesOf(EVERY_CHARACTER), EVERY_BYTE);
  });
});

describe("UTF-8 in latin1 text", () => {
  it("is read, and written again", () => {
    for (const text of ["", "plain", "Müller", "€ 5", "\u{1f600}", "\ufeffa"])
      assert.equal(decodeUtf8(byteText(text)), text);
    assert.equal(byteText("ü"), "\xc3\xbc");
  });

  it("is null where it is none", () => {
    for (const text of ["\xff", "\xc3", "\xed\xa0\x80"]) assert.equal(decodeUtf8(text), null);
  });
});

describe("copyOf", () => {
  it("copies a Buffer, too, whose slice is only a view", () => {
    const buffer = Buffer.from("hello");
    const copy = copyOf(buffer, 1, 4);
    buffer.fill(0);
    assert.deepEqual([...copy], [0x65, 0x6c, 0x6c]);
  });
});

describe("trimBlanks", () => {
  for (const [text, trimmed] of [
    ["", ""],
    [" \t", ""],
    ["a", "a"],
    ["\t a b \t", "a b"],
    ["\u00a0a\u000b", "\u00a0a\u000b"],
  ] as const) {
    it(`makes ${JSON.stringify(trimmed)} of ${JSON.stringify(text)}`, () => assert.equal(trimBlanks(text), trimmed));
  }

  it("looks at white space in the middle once: 32 KiB take no time", () => {
    const text = `a${" ".repeat(32 * 1024)}b`;
    let fastestMs = Number.POSITIVE_INFINITY;
    // Looking again and again would take that long each time: a machine that stands still does not.
    for (let round = 0; round < 3 && fastestMs >= 500; round++) {
      const before = performance.now();
      for (let i = 0; i < 100; i++) assert.equal(trimBlanks(text), text);
      fastestMs = Math.min(fastestMs, performance.now() - before);
    }
    assert.ok(fastestMs < 500, `${fastestMs} ms`);
  });
});

describe("copyBytes", () => {
  it("copies the same by loop and by block, at every length around the border", () => {
    const source = Uint8Array.from({ length: 100 }, (_, i) => i + 1);
    for (let length = 0; length <= 90; length++) {
      const target = new Uint8Array(100);
      assert.equal(copyBytes(source, 5, 5 + length, target, 3), 3 + length);
      const expected = new Uint8Array(100);
      for (let i = 0; i < length; i++) expected[3 + i] = i + 6;
      assert.deepEqual(target, expected, `${length} bytes`);
    }
  });
});
