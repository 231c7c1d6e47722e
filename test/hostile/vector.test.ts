import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { textOfBytes } from "../../testing/wire.ts";
import { loadVectors, parseVectors } from "./vector.ts";

const CASE = [
  "# a comment",
  "### F05 Content-Length {}",
  "each: `5`",
  "each: `+5` => R400 | R413",
  "expect: NORM",
  "forwards: POST /{a*3} `he\\x6clo`",
  "upstream-has: Content-Length: {}",
  "--- request",
  "POST / HTTP/1.1",
  "Content-Length: {}",
  "",
  "hello\\",
  "---",
  "",
].join("\n");

describe("parseVectors", () => {
  it("makes a case of each value", () => {
    const [first, second] = parseVectors(CASE, "f.txt");
    assert.equal(first?.name, "F05 Content-Length 5");
    assert.equal(first?.place, "f.txt:2");
    assert.equal(textOfBytes(first?.request ?? new Uint8Array()), "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    assert.deepEqual(first?.forwards, [{ method: "POST", target: "/aaa", body: "hello" }]);
    assert.deepEqual(first?.upstreamHas, ["Content-Length: 5"]);
    assert.deepEqual(second?.outcomes, [
      { kind: "refused", status: 400 },
      { kind: "refused", status: 413 },
    ]);
  });

  it("refuses what it cannot read, so that no case is skipped by a typing error", () => {
    for (const [from, to] of [
      ["### F05", "## F05"],
      ["expect: NORM", "expect: R40"],
      ["expect: NORM", ""],
      ["expect: NORM", "expects: NORM"],
      ["each: `5`", "each: 5"],
      ["--- request", "--- requests"],
      ["POST /{a*3} `he\\x6clo`", "POST"],
      ["hello\\\n---", "hello\\"],
    ] as const) {
      const broken = CASE.replace(from, to);
      assert.notEqual(broken, CASE);
      assert.throws(() => parseVectors(broken, "f.txt"), Error, `${from} → ${to}`);
    }
  });
});

describe("loadVectors", () => {
  it("reads every file, each case with a name of its own", () => {
    const names = loadVectors().map(({ name }) => name);
    assert.ok(names.length > 900, `${names.length} cases`);
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    assert.deepEqual(twice, []);
  });
});
