import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LOG_FIELD_LENGTH_MAX } from "../../../core/limits.ts";
import { escapeInvisible, escapeJson, escapeSentence, escapeText } from "../../../core/observe/escape.ts";

describe("text for a terminal", () => {
  it("is quoted only where it must be", () => {
    assert.deepEqual(["a", "a b", "", 'a"b', "a\nb"].map(escapeText), ["a", '"a b"', '""', '"a\\"b"', '"a\\nb"']);
  });

  it("holds nothing that a terminal acts on, and no more than a field may", () => {
    const evil = '\r\n\u001b[2J\u0000\u2028\u202e\u009b"\ud800\u007f'.repeat(1_000);
    for (const escaped of [escapeText(evil), escapeJson(evil), escapeSentence(evil)])
      assert.equal(/[^\x20-\x7e…]/.test(escaped), false);
    assert.equal(JSON.parse(escapeJson(evil)).length, LOG_FIELD_LENGTH_MAX);
  });

  it("keeps the quotes of a sentence, and all else that can be seen", () => {
    assert.equal(escapeSentence('it said "no\n", größer'), 'it said "no\\n", größer');
    assert.equal(escapeInvisible('{"a":"\u202eb"}'), '{"a":"\\u202eb"}');
  });
});
