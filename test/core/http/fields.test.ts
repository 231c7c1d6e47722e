import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { eachMember, type Fields } from "../../../core/http/fields.ts";
import { CONTENT_LENGTH, HOST, UNKNOWN } from "../../../core/http/known-fields.ts";
import { bytesOfText } from "../../../testing/wire.ts";
import { fieldsOf, kept } from "./heads.ts";

describe("Fields", () => {
  it("keep order, case and duplicates, and find the first by id", () => {
    const fields = fieldsOf("X-A: 1", "hOST: a", "Content-Length: 5", "x-a: 2", "Host: b", "Empty:");
    assert.deepEqual(kept(fields), ["X-A: 1", "hOST: a", "Content-Length: 5", "x-a: 2", "Host: b", "Empty: "]);
    assert.equal(fields.find(HOST), 1);
    assert.equal(fields.countOf(HOST), 2);
    assert.equal(fields.find(CONTENT_LENGTH), 2);
    assert.equal(fields.id(0), UNKNOWN);
    assert.equal(fields.id(4), HOST);
  });

  it("don't count aliases, but tell them (group H)", () => {
    const fields = fieldsOf("Content_Length: 1", "Content.Length: 2", "Content-Length: 3");
    assert.equal(fields.countOf(CONTENT_LENGTH), 1);
    assert.equal(fields.find(CONTENT_LENGTH), 2);
    assert.deepEqual([fields.isAlias(0), fields.isAlias(1), fields.isAlias(2)], [true, true, false]);
    assert.deepEqual([fields.id(0), fields.id(1)], [CONTENT_LENGTH, CONTENT_LENGTH]);
  });

  it("count to 255 and stay there: 256 are not none", () => {
    for (const count of [1, 254, 255, 256, 257, 600]) {
      const fields = fieldsOf(...new Array<string>(count).fill("Content-Length: 1"));
      assert.equal(fields.countOf(CONTENT_LENGTH), Math.min(count, 255));
      assert.equal(fields.count, count);
      assert.equal(fields.valueText(count - 1), "1");
    }
  });

  it("join the values of one name", () => {
    const fields = fieldsOf("A: 1", "B: x", "a: 2", "A:", "AA: 3");
    const check = (name: string, expected: string | null): void => assert.equal(fields.value(name), expected);
    check("a", "1, 2, ");
    check("b", "x");
    check("aa", "3");
    check("c", null);
  });

  it("drop what is asked for", () => {
    const fields = fieldsOf("Host: a", "X-Some-Name: 1", "x_some.name: 2", "X-Some-Names: 3", "X-Some: 4");
    fields.dropNamed("x-some-name");
    assert.deepEqual(kept(fields), ["Host: a", "X-Some-Names: 3", "X-Some: 4"]);
    fields.drop(0);
    assert.equal(fields.isDropped(0), true);
    assert.equal(fields.id(0), HOST);
    assert.equal(fields.find(HOST), 0);
  });

  it("never drop framing or destination by name, only what looks like it (F21)", () => {
    const framing = ["Host: a", "Content-Length: 1", "Transfer-Encoding: chunked", "Connection: close"];
    const fields = fieldsOf(...framing, "Content_Length: 2", "transfer.encoding: x");
    const spellings = [
      "host",
      "content-length",
      "content_length",
      "transfer.encoding",
      "transfer-encoding",
      "connection",
    ];
    for (const name of spellings) fields.dropNamed(name);
    assert.deepEqual(kept(fields), framing);
  });

  it("follow their bytes when these move", () => {
    const fields = fieldsOf("Host: a", "X: yz");
    const before = kept(fields);
    fields.shift(fields.bytes.slice(2), 2);
    assert.equal(fields.nameStart(0), 0);
    assert.deepEqual(kept(fields), before);
  });

  it("forget everything when cleared", () => {
    const fields = fieldsOf("Host: a", "Host: b");
    fields.clear();
    assert.deepEqual([fields.count, fields.find(HOST), fields.countOf(HOST), fields.bytes.length], [0, -1, 0, 0]);
  });

  it("compare names exactly but for case", () => {
    const fields = fieldsOf("Set-Cookie: a");
    const check = (name: string, expected: boolean): void => assert.equal(fields.isNamed(0, name), expected);
    check("set-cookie", true);
    check("set_cookie", false);
    check("set-cookie2", false);
    check("set-cooki", false);
  });
});

describe("eachMember", () => {
  function check(list: string, expected: readonly string[], stopAfter = Number.POSITIVE_INFINITY): void {
    const found: string[] = [];
    const text = `,${list},x`;
    eachMember(bytesOfText(text), 1, list.length + 1, (start, end) => {
      found.push(text.slice(start, end));
      return found.length < stopAfter;
    });
    assert.deepEqual(found, expected, JSON.stringify(list));
  }

  it("cuts white space and leaves out empty members", () => {
    check("", []);
    check("a", ["a"]);
    check("a,b", ["a", "b"]);
    check(" a\t,\t b c ,", ["a", "b c"]);
    check(",, ,\t,a,,", ["a"]);
    check(" ", []);
  });

  it("stops when told", () => check("a,b,c", ["a", "b"], 2));
});

// Only to be sure that the helper above reads what the parser reads.
describe("fieldsOf", () => {
  it("makes rows as the parser does", () => {
    const fields: Fields = fieldsOf("A:  b");
    assert.equal(fields.valueText(0), "b");
    assert.equal(fields.nameText(0), "A");
  });
});
