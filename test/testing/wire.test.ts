import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { addressText } from "../../core/config/address.ts";
import { addressOf, bytesOfText, printable, textOfBytes, wire } from "../../testing/wire.ts";

describe("wire", () => {
  it("turns lines into CRLF and escapes into bytes", () => {
    assert.equal(textOfBytes(wire("a: b\n\nx\\r\\n\\t\\0\\\\\\xe9\\\nz")), "a: b\r\n\r\nx\r\n\t\0\\\xe9z");
  });

  it("refuses what it does not know", () => {
    for (const wrong of ["\\q", "\\x4", "é", "\\"]) assert.throws(() => wire(wrong), Error, wrong);
  });
});

describe("printable", () => {
  it("shows every byte", () => {
    assert.equal(printable(bytesOfText("a\r\nb\t\x00\xff\\")), "a\\r\\n\nb\\t\\x00\\xff\\\\");
  });
});

describe("bytesOfText", () => {
  it("keeps all 256 bytes and refuses what is none", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.deepEqual(bytesOfText(textOfBytes(all)), all);
    assert.throws(() => bytesOfText("\u0100"));
  });
});

describe("addressOf", () => {
  it("reads what addressText writes", () => {
    for (const text of ["127.0.0.1:80", "[::1]:80", ":0", "unix:/run/a.sock", "app.internal:9001"]) {
      assert.equal(addressText(addressOf(text)), text);
    }
    assert.throws(() => addressOf("nonsense"));
  });
});
