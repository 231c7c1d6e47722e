import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertLine, FieldLine, OutgoingHead } from "../../../core/http/outgoing.ts";
import { textOfBytes } from "../../../testing/wire.ts";

describe("FieldLine", () => {
  it("is one line on the wire, made once", () => {
    const line = new FieldLine("X-A", "b \xe9\tc");
    assert.equal(textOfBytes(line.bytes), "X-A: b \xe9\tc\r\n");
    assert.equal(line.bytes, line.bytes);
  });

  it("never becomes two (J06)", () => {
    for (const value of ["a\r\nB: c", "a\n", "\r", "a\0", "\x7f", "\x1b[0m", "\u560d\u560a", "\u0100"]) {
      assert.throws(() => new FieldLine("X", value).bytes, /refuse it where it came in/, JSON.stringify(value));
      assert.throws(() => assertLine(value));
    }
    assert.equal(assertLine("\t ~\x80\xff"), "\t ~\x80\xff");
    assert.equal(assertLine(""), "");
  });
});

describe("OutgoingHead", () => {
  it("tells no length and takes over nothing at first", () => {
    const head = new OutgoingHead();
    assert.deepEqual([head.fields, head.contentLength, head.target, head.lines.length], [null, -1, null, 0]);
    head.add("A", "1");
    head.add("A", "2");
    assert.deepEqual(
      head.lines.map(({ name, value }) => `${name}=${value}`),
      ["A=1", "A=2"],
    );
  });
});
