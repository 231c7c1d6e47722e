import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { functionsIn, isTypesOnly, readSource } from "./source.ts";

const codeOf = (text: string): string => readSource("core/a/b.ts", text).code;

describe("source: comments and strings", () => {
  for (const [text, expected] of [
    ["a // b\nc", "a     \nc"],
    ["a /* b\nc */ d", "a     \n     d"],
    ['x = "// y";', 'x = "    ";'],
    ["x = 'a\\'b';", "x = '    ';"],
    ["x = `a${b + `c${d}`}e`;", "x = ` ${b + ` ${d}`} `;"],
    ["x = `a${{ b: 1 }.b}{`;", "x = ` ${{ b: 1 }.b} `;"],
    ["x = /\"[/]'/.test(y);", "x = /     /.test(y);"],
    ["x = a / b; // c / d", "x = a / b;         "],
    ["return /`/;", "return / /;"],
  ] as const) {
    it(JSON.stringify(text), () => {
      assert.equal(codeOf(text).length, text.length);
      assert.equal(codeOf(text), expected);
    });
  }
});

describe("source: imports", () => {
  it("lists static, type, re-exported, dynamic and bare ones, over several lines", () => {
    const text = [
      'import { a } from "../c.ts";',
      'import type { T } from "./t.ts";',
      "export {",
      "  x,",
      '} from "./x.ts";',
      'import "tsx";',
      'const m = await import("node:net");',
      'const no = "import(1)"; // import { z } from "z";',
      'export const s = "from";',
    ].join("\n");
    assert.deepEqual(readSource("core/a/b.ts", text).imports, [
      { target: "core/c.ts", isFile: true, typeOnly: false, line: 1 },
      { target: "core/a/t.ts", isFile: true, typeOnly: true, line: 2 },
      { target: "core/a/x.ts", isFile: true, typeOnly: false, line: 3 },
      { target: "tsx", isFile: false, typeOnly: false, line: 6 },
      { target: "node:net", isFile: false, typeOnly: false, line: 7 },
    ]);
  });
});

describe("source: functions", () => {
  it("measures declarations, methods and arrows, and no other block", () => {
    const text = [
      "export function f<T>(a: T): T {",
      "  if (a) {",
      "  }",
      "  return a;",
      "}",
      "class C {",
      "  #m(",
      "    a: number,",
      "  ): void {",
      "    for (const b of []) {",
      "    }",
      "  }",
      "}",
      "const g = (a: number): void => {",
      "};",
      "const o = { h() {",
      "} };",
    ].join("\n");
    assert.deepEqual(
      functionsIn(readSource("a.ts", text)).map((span) => [span.name, span.line, span.lines]),
      [
        ["f", 1, 5],
        ["#m", 9, 4],
        ["g", 14, 2],
        ["h", 16, 2],
      ],
    );
  });

  it("knows a file of types", () => {
    assert.ok(isTypesOnly(readSource("a.ts", "export interface A {\n  b: number;\n}\nexport type C = A;\n")));
    assert.ok(!isTypesOnly(readSource("a.ts", "export interface A {}\nexport const b = 1;\n")));
  });
});
