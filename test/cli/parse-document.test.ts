import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type ParsedDocument, parseDocument } from "../../cli/parse-document.ts";

function parsed(text: string): ParsedDocument {
  const document = parseDocument(text);
  assert.ok(!("problems" in document), JSON.stringify(document));
  return document;
}

function problems(text: string): string[] {
  const document = parseDocument(text);
  return "problems" in document
    ? document.problems.map(({ message, position }) => `${position.line}:${position.column} ${message}`)
    : [];
}

describe("a document", () => {
  const text = [
    "listeners:", //
    '  - address: ":80"',
    '  - { address: ":81", name: x }',
    "upstreams:",
    "routes: &r",
    "  - upstream: app",
    "again: *r",
  ].join("\n");
  const { value, positionOf } = parsed(text);
  const at = (path: (string | number)[], atKey = false) => {
    const position = positionOf(path, atKey);
    return `${position?.line}:${position?.column}`;
  };

  it("has a value", () => {
    const routes = [{ upstream: "app" }];
    assert.deepEqual(value, {
      listeners: [{ address: ":80" }, { address: ":81", name: "x" }],
      upstreams: null,
      routes,
      again: routes,
    });
  });

  it("knows where every part stands", () => {
    assert.equal(at(["listeners", 0, "address"]), "2:14");
    assert.equal(at(["listeners", 0, "address"], true), "2:5");
    assert.equal(at(["listeners", 1, "name"]), "3:29");
    assert.equal(at(["routes", 0, "upstream"]), "6:15");
  });

  it("points at what is around a part that is not there", () => {
    assert.equal(at(["listeners", 0, "nothing"]), "2:5");
    assert.equal(at(["nothing"]), "1:1");
    assert.equal(at(["routes", 0, "upstream", 0]), "6:15", "`x` was read as `[x]`");
  });

  it("points at the key of an empty value, and at the use of an alias", () => {
    assert.equal(at(["upstreams"]), "4:1");
    assert.equal(at(["again", 0, "upstream"]), "7:8");
  });

  it("is JSON as well", () => {
    const json = parsed('{\n "a": [1,\n  {"b": "c"}]\n}');
    assert.deepEqual(json.value, { a: [1, { b: "c" }] });
    assert.deepEqual(json.positionOf(["a", 1, "b"], false), { line: 3, column: 9 });
  });

  it("M10: keeps `__proto__` a key", () => {
    assert.ok(Object.hasOwn(parsed("__proto__: {a: 1}").value as object, "__proto__"));
  });
});

describe("a document that is none", () => {
  for (const [name, text, expected] of [
    ["M10: a key twice", "a: 1\nb: 2\na: 3\n", ["3:1 this key is there twice; keep one"]],
    ["M10: a key twice, JSON", '{"a": 1, "a": 2}', ["1:10 this key is there twice; keep one"]],
    ["half a text", 'a: "b', ["1:4 the quote that ends this text is missing"]],
    ["half a text, where it begins", "a: 'b\nc: d\ne: f\n", ["1:4 the quote that ends this text is missing"]],
    ["a tab", "a:\n\tb: 1\n", ["2:1 is indented by a tab; use spaces"]],
    [
      "two sides of a merge",
      "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\n",
      ["2:1 is where a merge left two versions: keep one, and remove the lines of <<<<<<<, ======= and >>>>>>>"],
    ],
    [
      "a key that is indented otherwise",
      "a:\n    b: 1\n  c: 2\n",
      ["3:1 keys of one map are indented alike; this one is not"],
    ],
    [
      "an item that is indented otherwise",
      "a:\n  - b\n - c\n",
      ["3:1 items of one list are indented alike; this one is not", '3:2 has no ":" behind the key'],
    ],
    [
      "an item without a dash",
      "a:\n  - b: 1\n   c: 2\n",
      ['3:1 is indented like the items of the list above, but has no "- "'],
    ],
    ["a key without a colon", "a: 1\nb 2\n", ['2:1 has no ":" behind the key']],
    ["a first key without a colon", "a 1\nb: 2\n", ['1:1 has no ":" behind the key']],
    [
      "a list beside its key",
      "a: - b\n",
      ['1:4 a list of "- " begins on a line of its own, below the key', '1:6 has no ":" behind the key'],
    ],
    [
      "two texts",
      'a: "b", "c"\n',
      [
        "1:7 is too much: what stands before it is complete; a list needs brackets, and text with quotes in it quotes around all of it",
      ],
    ],
    [
      "text with a colon",
      "a: it's: fine\n",
      ['1:4 has a ":" too many: text with ": " in it needs quotes, or the next line is indented too far'],
    ],
    [
      "a line that is indented too far",
      "a: b\n  c: d\n",
      ['1:4 has a ":" too many: text with ": " in it needs quotes, or the next line is indented too far'],
    ],
    [
      "text that ends with a colon, in braces",
      "a: { b: /c: }\n",
      ['1:9 has a ":" that is not expected inside { } or [ ]: a comma is missing, or the text needs quotes'],
    ],
    [
      "a missing comma",
      "a: { b: 1 c: 2 }\n",
      ['1:9 has a ":" that is not expected inside { } or [ ]: a comma is missing, or the text needs quotes'],
    ],
    [
      "a missing bracket",
      "a: [1, 2\nb: 3\n",
      ['2:1 the "]" that closes is missing, or stands further left than the key it belongs to'],
    ],
    [
      "a missing brace",
      "a:\n  b: { c: 1\nd: 2\n",
      ['3:1 the "}" that closes is missing, or stands further left than the key it belongs to'],
    ],
    ["text that needs quotes", "a: @b\n", ["1:4 text that begins with @ needs quotes"]],
    [
      "a backslash in double quotes",
      'a: "^\\d+$"\n',
      ["1:6 \\d means nothing in double quotes; write the text in single quotes, or the backslash twice"],
    ],
    [
      "a template that nobody has filled in",
      "a: {{ name }}\n",
      ["1:5 a key is text; what begins with { or [ and is text needs quotes, a template its values"],
    ],
    ["two documents", "---\na: 1\n---\nb: 1\n", ["3:1 holds several documents (---); write one per file"]],
    [
      "an alias without anchor",
      "a: *b",
      ["1:4 no anchor &b stands before this alias; text that begins with * needs quotes"],
    ],
    [
      "a tag",
      "a: !!js/function x",
      ["1:4 Unresolved tag: tag:yaml.org,2002:js/function; tags (!name) mean nothing here"],
    ],
  ] as const) {
    it(`says so of ${name}`, () => assert.deepEqual(problems(text), expected));
  }

  it("stops aliases that multiply", () => {
    const lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 9; level++)
      lines.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(9)}*a${level - 1}]`);
    assert.match(problems(lines.join("\n")).join(), /make it too large/);
  });

  // The parser recurses; a regular expression at the end of the stack ends a whole V8 process.
  for (const [name, text, place] of [
    ["open brackets", "[".repeat(100_000), "1:257"],
    ["brackets", `a:\n  - ${"[".repeat(20_000)}${"]".repeat(20_000)}`, "2:258"],
    ["dashes", "- ".repeat(100_000), "1:513"],
    ["question marks", "? ".repeat(100_000), "1:513"],
    ["indentation", Array.from({ length: 2_000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"), "258:1"],
    ["braces", '{"a":'.repeat(100_000), "1:1281"],
  ] as const) {
    it(`stops at ${name} nested too deeply`, () => assert.deepEqual(problems(text), [`${place} is nested too deeply`]));
  }

  it("takes what only looks deep", () => {
    assert.deepEqual(
      problems(`a: "${"[".repeat(1_000)}"\nb: |\n${" ".repeat(1_000)}- - -\nc: ${"x - ".repeat(500)}\n`),
      [],
    );
    assert.deepEqual(problems(`[${"[],".repeat(1_000)}]`), []);
    assert.deepEqual(problems(`a: ${"[".repeat(200)}${"]".repeat(200)}`), []);
  });

  it("shows only the first of many", () => assert.ok(problems("a: [\n".repeat(200)).length <= 5));
});
