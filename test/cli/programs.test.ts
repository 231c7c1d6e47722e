import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type Evaluated, Programs, type Ran } from "../../cli/programs.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-test-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(directory, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function ran(result: Ran): Evaluated {
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

function problems(result: Ran) {
  assert.ok("problems" in result);
  return result.problems;
}

describe("a program", () => {
  it("runs with the files beside it, packages and built-in modules", async () => {
    write(
      "node_modules/pack/package.json",
      '{ "name": "pack", "version": "1.0.0", "exports": "./pack.js", "type": "module" }',
    );
    write("node_modules/pack/pack.js", "export const name = 'pack'; export default 5; export { name as 'odd name' };");
    write("inner/data.json", '{ "a": 7 }');
    write("inner/two.ts", 'import data from "./data.json" with { type: "json" };\nexport const a: number = data.a;\n');
    write("one.ts", 'export { a } from "./inner/two.ts";\nexport const later = await Promise.resolve(8);\n');
    const file = write(
      "main.ts",
      `import { readFileSync } from "node:fs";
       import five, { name, "odd name" as odd } from "pack";
       import { a, later } from "./one.ts";
       export default { a, five, name, odd, later, reads: typeof readFileSync, here: import.meta.dirname, url: import.meta.url };`,
    );
    const { exports, bundle } = ran(await new Programs().run(file));
    const { url, ...rest } = exports["default"] as Record<string, unknown>;
    assert.deepEqual(rest, { a: 7, five: 5, name: "pack", odd: "pack", later: 8, reads: "function", here: directory });
    assert.match(String(url), /^file:.*main\.ts$/);
    const names = bundle.files.map((each) => each.slice(directory.length + 1)).sort();
    assert.deepEqual(names, ["inner/data.json", "inner/two.ts", "main.ts", "one.ts"]);
  });

  it("imports what it shares with the proxy under its own name, wherever it stands", async () => {
    const file = write("main.ts", 'import { defineConfig } from "millrace";\nexport default defineConfig;\n');
    const { defineConfig } = await import("../../core/config/define.ts");
    assert.equal(ran(await new Programs().run(file)).exports["default"], defineConfig);
  });

  it("may be CommonJS, and requires what it would", async () => {
    write("node_modules/fn/package.json", '{ "name": "fn", "version": "1.0.0", "main": "fn.js" }');
    write("node_modules/fn/fn.js", "module.exports = function fn() { return 3; };");
    const file = write(
      "main.cjs",
      'const fn = require("fn");\nconst Events = require("node:events");\nmodule.exports = { three: fn(), events: typeof Events, file: __filename };\n',
    );
    const { exports } = ran(await new Programs().run(file));
    assert.deepEqual(exports["default"], { three: 3, events: "function", file });
  });

  it("is run anew with what has changed, also far from it; packages stay the same", async () => {
    write("deep.ts", "export const value: number = 1;\n");
    write("near.ts", 'export { value } from "./deep.ts";\n');
    const file = write("main.ts", 'import { value } from "./near.ts";\nexport default () => value;\n');
    const programs = new Programs();
    const valueNow = async () => (ran(await programs.run(file)).exports["default"] as () => number)();
    assert.equal(await valueNow(), 1);
    write("deep.ts", "export const value: number = 2;\n");
    assert.equal(await valueNow(), 2);
  });

  it("may import itself in a circle", async () => {
    write("b.ts", 'import { a } from "./a.ts";\nexport const b = () => a;\n');
    const file = write("a.ts", 'import { b } from "./b.ts";\nexport const a = 1;\nexport default b;\n');
    assert.equal((ran(await new Programs().run(file)).exports["default"] as () => number)(), 1);
  });

  it("may hold legal comments, which say nothing to a program", async () => {
    write("b.ts", "/**\n * @license of another file\n */\nexport const b = 2;\n");
    const file = write("main.ts", '/*! a notice */\nimport { b } from "./b.ts";\nexport default () => 1 + b;\n');
    assert.equal((ran(await new Programs().run(file)).exports["default"] as () => number)(), 3);
    const common = write("main.cjs", "//! a notice\nmodule.exports = 5; /* @preserve */\n");
    assert.equal(ran(await new Programs().run(common)).exports["default"], 5);
  });

  it("that is wrong says where", async () => {
    const programs = new Programs();
    write("bad.ts", "export const a = 1;\n  const = 2;\n");
    const importing = write("main.ts", 'import { a } from "./bad.ts";\nexport default a;\n');
    const [syntax] = problems(await programs.run(importing));
    assert.deepEqual([syntax?.file, syntax?.line, syntax?.column], [join(directory, "bad.ts"), 2, 9]);
    const missing = problems(await programs.run(write("m.ts", 'import "./nowhere.ts";\n')))[0];
    assert.equal(missing?.message, "./nowhere.ts does not exist; check the path");
    assert.deepEqual([missing?.file, missing?.line, missing?.column], [join(directory, "m.ts"), 1, 8]);
    mkdirSync(join(directory, "folder"));
    const folder = problems(await programs.run(write("f.ts", 'import "./folder";\n')))[0];
    assert.equal(folder?.message, 'Could not resolve "./folder"');
    const none = problems(await programs.script(join(directory, "none.ts")))[0];
    assert.match(none?.message ?? "", /none\.ts does not exist; check the path$/);
    assert.equal(none?.file, null);
    const unknown = problems(
      await programs.run(write("u.ts", '\nimport { x } from "node:fs";\nexport default x;\n')),
    )[0];
    assert.match(unknown?.message ?? "", /No matching export/);
    assert.equal(unknown?.line, 2);
    const thrown = problems(await programs.run(write("t.ts", '\n\nthrow new Error("boom");\n')))[0];
    assert.match(thrown?.message ?? "", /^could not be run: boom; at .*t\.ts:3:\d+$/);
    write("node_modules/bad/package.json", '{ "name": "bad", "version": "1.0.0", "main": "bad.js" }');
    write("node_modules/bad/bad.js", '\nthrow new TypeError("bad day");\n');
    const outside = problems(await programs.run(write("o.ts", '\nimport bad from "bad";\nexport default bad;\n')))[0];
    assert.match(outside?.message ?? "", /bad\.js could not be imported: bad day/);
    assert.deepEqual([outside?.file, outside?.line], [join(directory, "o.ts"), 2]);
    const dynamic = write("d.ts", 'const name = "x";\nexport default await import(name);\n');
    assert.match(problems(await programs.run(dynamic))[0]?.message ?? "", /Dynamic require of "x" is not supported/);
    const self = write(
      "s.ts",
      'import type { T } from "./s.ts";\nimport base from "./s.ts";\nexport default { ...base };\n',
    );
    const [own] = problems(await programs.run(self));
    assert.deepEqual([own?.file, own?.line, own?.column], [self, 2, 18]);
    assert.equal(own?.message, "./s.ts is this file itself, of which nothing is there yet; check the path");
  });
});

describe("a script", () => {
  it("that has not changed is the very same, and its state lives on", async () => {
    const shared = 'import { add } from "pack";\n';
    write("node_modules/pack/package.json", '{ "name": "pack", "exports": "./pack.js", "type": "module" }');
    write("node_modules/pack/pack.js", "export const add = (one, other) => one + other;");
    const file = write("s.ts", `${shared}let calls = 0;\nexport const call = () => (calls = add(calls, 1));\n`);
    const programs = new Programs();
    const call = async () => {
      const script = ran(await programs.script(file));
      programs.use(new Map([[file, script]]));
      return (script.exports["call"] as () => number)();
    };
    assert.equal(await call(), 1);
    assert.equal(await call(), 2);
    write("s.ts", `${shared}let calls = 10;\nexport const call = () => (calls = add(calls, 1));\n`);
    assert.equal(await call(), 11);
  });

  it("whose lines have moved is told of where it stands now", async () => {
    const text = "export const call = () => {\n  throw new Error('boom');\n};\n";
    const programs = new Programs();
    const linesNow = async (written: string) => {
      const file = write("s.ts", written);
      const script = ran(await programs.script(file));
      programs.use(new Map([[file, script]]));
      const { call } = script.exports as { call: () => void };
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      const places = [programs.sources.sourceOf(call), programs.sources.placeOf(thrown)];
      return places.map((place) => /s\.ts:(\d+)/.exec(place ?? "")?.[1]);
    };
    assert.deepEqual(await linesNow(text), ["1", "2"]);
    assert.deepEqual(await linesNow(`// a comment\n\n${text}`), ["3", "4"]);
  });

  it("that was refused takes nothing from the one in use", async () => {
    const file = write("s.ts", "export const call = () => 1;\n");
    const programs = new Programs();
    const first = ran(await programs.script(file));
    programs.use(new Map([[file, first]]));
    write("s.ts", "export const call = () => 2;\n");
    ran(await programs.script(file));
    write("s.ts", "export const call = () => 1;\n");
    assert.equal(ran(await programs.script(file)).exports, first.exports);
  });
});

describe("where code was written", () => {
  it("is told of functions and of what they throw", async () => {
    write(
      "far.ts",
      "// a comment\nexport interface Nothing {}\n\nexport function boom(): never {\n  throw new Error('far');\n}\n",
    );
    const file = write(
      "main.ts",
      'import { boom } from "./far.ts";\n\nexport default {\n  now: () => boom(),\n  later: async () => {\n    await null;\n    boom();\n  },\n};\n',
    );
    const programs = new Programs();
    const { exports } = ran(await programs.run(file));
    const { now, later } = exports["default"] as { now: () => void; later: () => Promise<void> };
    assert.match(programs.sources.sourceOf(now), /main\.ts:4$/);
    assert.match(programs.sources.sourceOf(later), /main\.ts:5$/);
    assert.equal(
      programs.sources.sourceOf(() => 1),
      "",
    );
    const error = await later().catch((reason) => reason);
    assert.match(programs.sources.placeOf(error) ?? "", /far\.ts:5:\d+$/);
    assert.equal(programs.sources.placeOf(new Error("ours")), null);
    assert.equal(programs.sources.placeOf("text"), null);
    const get = () => {
      throw new Error("looked at");
    };
    assert.equal(programs.sources.placeOf(Object.defineProperty(new Error("x"), "stack", { get })), null);
  });

  it("is not guessed where two functions read the same", async () => {
    const file = write("main.ts", "export const a = () => null;\nexport const b = () => null;\n");
    const programs = new Programs();
    const { exports } = ran(await programs.run(file));
    assert.equal(programs.sources.sourceOf(exports["b"] as () => null), "");
  });

  it("is known of an app's code, too", async () => {
    const file = write(
      "main.ts",
      "class App {\n  fetch() {\n    throw new Error('in app');\n  }\n}\nexport default { mount: new App() };\n",
    );
    const programs = new Programs();
    const { exports } = ran(await programs.run(file));
    const { mount } = exports["default"] as { mount: { fetch(): void } };
    try {
      mount.fetch();
    } catch (error) {
      assert.match(programs.sources.placeOf(error) ?? "", /main\.ts:3:\d+$/);
    }
  });
});

describe("generations of code", () => {
  it("are let go when nothing holds them", async () => {
    const file = write("main.ts", "");
    const programs = new Programs();
    const generations = 12;
    let kept: Evaluated | null = null;
    for (let i = 0; i < generations; i++) {
      write("main.ts", `export const ballast = "x".repeat(1_000_000) + ${i};\nexport default () => ballast;\n`);
      kept = ran(await programs.run(file));
    }
    for (let i = 0; i < 40 && programs.sources.size > 3; i++) {
      // Garbage that makes the collector come round; no runtime has a way to ask for it that all have.
      const garbage = Array.from({ length: 200 }, () => new Uint8Array(100_000).fill(i));
      await new Promise((resolve) => setTimeout(resolve, garbage.length / 10));
    }
    assert.equal((kept?.exports["default"] as () => string)().length, 1_000_000 + String(generations - 1).length);
    assert.ok(programs.sources.size <= 3, `${programs.sources.size} of ${generations} are still there`);
  });
});
