import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Programs, Ran } from "../../cli/programs.ts";
import { hasScripts, loadScripts, withScriptFiles } from "../../cli/script-entries.ts";

const decide = () => "app";
const app = { fetch: () => new Response() };
const exported: Ran = {
  bundle: { file: "/d/s.ts", code: "", map: "", imports: [], files: ["/d/s.ts", "/d/near.ts"] },
  exports: { decide, app, default: decide, number: 5 },
};
const broken: Ran = {
  problems: [{ file: "/d/bad.ts", line: 2, column: 3, message: "is wrong" }],
  files: ["/d/bad.ts"],
};
const programs = {
  script: async (file: string) => (file.endsWith("bad.ts") ? broken : exported),
} as unknown as Programs;

describe("scripts of a configuration", () => {
  it("are found where functions may stand, relative to their file", () => {
    const entry = { script: "s.ts" };
    const value = {
      hooks: { decide: entry },
      routes: [{ target: entry }, { mount: entry, hooks: { onRequest: entry } }],
      onUnload: entry,
    };
    const whole = { script: "/d/s.ts" };
    assert.deepEqual(withScriptFiles(value, "/d"), {
      hooks: { decide: whole },
      routes: [{ target: whole }, { mount: whole, hooks: { onRequest: whole } }],
      onUnload: whole,
    });
    assert.ok(hasScripts(value));
  });

  it("are nowhere else, and what has none stays the same object", () => {
    const value = { log: { script: "s.ts" }, routes: [{ respond: { script: "s.ts" } }], hooks: { decide } };
    assert.equal(withScriptFiles(value, "/d"), value);
    assert.ok(!hasScripts(value));
    for (const odd of [null, 5, "x", [], { routes: 5 }, { routes: [null] }, { hooks: [] }])
      assert.equal(withScriptFiles(odd, "/d"), odd);
  });

  it("become functions, with deadline and fallback beside them", async () => {
    const fallback = { status: 502 };
    const { value, problems, files, scripts } = await loadScripts(
      {
        hooks: { decide: { script: "/d/s.ts", export: "decide", timeout: "1s", fallback } },
        routes: [{ mount: { script: "/d/s.ts", export: "app" } }],
        onUnload: { script: "/d/s.ts" },
      },
      programs,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(value, {
      hooks: { decide: { timeout: "1s", fallback, run: decide } },
      routes: [{ mount: app }],
      onUnload: decide,
    });
    assert.deepEqual(files, ["/d/s.ts", "/d/near.ts"]);
    assert.deepEqual([...scripts.keys()], ["/d/s.ts"]);
  });

  it("are refused with the place and the right form", async () => {
    const messages = async (entry: object) => {
      const { problems } = await loadScripts({ routes: [{ target: entry }] }, programs);
      return problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
    };
    assert.deepEqual(await messages({ script: "/d/s.ts", export: "deicde" }), [
      'routes.0.target.export: the script has no export "deicde"; did you mean "decide"?',
    ]);
    assert.deepEqual(await messages({ script: "/d/s.ts", export: "number" }), [
      'routes.0.target.export: the script exports "number", which is no function',
    ]);
    assert.deepEqual(await messages({ script: "/d/s.ts", export: "toString" }), [
      'routes.0.target.export: the script has no export "toString"; known are decide, app, default, number',
    ]);
    assert.deepEqual(await messages({ script: "/d/bad.ts" }), ["routes.0.target: is wrong"]);
  });

  it("that are broken are told of once, however many hooks they have", async () => {
    const entry = { script: "/d/bad.ts" };
    const { problems, files } = await loadScripts({ routes: [{ target: entry }, { target: entry }] }, programs);
    assert.equal(problems.length, 1);
    assert.deepEqual(files, ["/d/bad.ts"]);
  });
});
