import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { describe, it } from "@std/testing/bdd";
import { CRC_START, crcEnd, crcNumber, crcText } from "../../../core/balance/crc32.ts";

describe("CRC-32", () => {
  it("has the check value of its definition", () => {
    assert.equal(crcEnd(crcText(CRC_START, "123456789")), 0xcbf43926);
    assert.equal(crcEnd(CRC_START), 0);
    assert.equal(crcEnd(crcText(crcText(CRC_START, "1234"), "56789")), 0xcbf43926);
  });

  it("takes a number as four bytes, the lowest first", () => {
    for (const value of [0, 1, 0x01020304, 0x80000000, 0xffffffff]) {
      const bytes = String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
      assert.equal(crcNumber(CRC_START, value), crcText(CRC_START, bytes));
    }
  });

  it("agrees with zlib's", { ignore: typeof crc32 !== "function" }, () => {
    for (let length = 0; length < 300; length += 7) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 255);
      assert.equal(crcEnd(crcText(CRC_START, String.fromCharCode(...bytes))), crc32(bytes));
    }
  });
});
