import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "@std/testing/bdd";
import { loadConfig } from "../../cli/load-config.ts";
import { lintConfig } from "../../core/config/lint.ts";
import { createScratch } from "../e2e/scratch.ts";

const SOME = 'listeners: [":80"]\nroutes: [{ respond: {} }]\n';

/** Writes the files, loads the first, and shows its problems with names instead of paths. */
async function problems(files: Record<string, string>): Promise<string[]> {
  const scratch = createScratch();
  mkdirSync(scratch.path("sub"));
  for (const [name, content] of Object.entries(files)) scratch.write(name, content);
  const loaded = await loadConfig(scratch.path(Object.keys(files)[0] ?? ""), (name) =>
    name === "PORT" ? "81" : undefined,
  );
  scratch.remove();
  if (!("problems" in loaded)) return [];
  return loaded.problems.map(({ file, position, path, message }) => {
    const place = position === null ? "" : `:${position.line}:${position.column}`;
    return `${file}${place}: ${path}: ${message}`.replaceAll(`${scratch.folder}/`, "");
  });
}

describe("loading a configuration", () => {
  const examples = fileURLToPath(new URL("../../examples", import.meta.url));
  // Parts of configurations, and programs around them.
  const parts = /^sites\/|^hosting\/\w+\.ts$|^testing\/(customers|routes\.test)\.ts$/;
  const names = readdirSync(examples, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((one) => /\.(yaml|json|ts)$/.test(one) && !parts.test(one))) {
    it(`finds nothing wrong with examples/${name}, and nothing to warn of`, async () => {
      const loaded = await loadConfig(`${examples}/${name}`, () => undefined, { lint: lintConfig });
      assert.ok(!("problems" in loaded), JSON.stringify(loaded));
      // It may hold connections from the moment it is read.
      await loaded.config.snapshot.onUnload?.();
      assert.deepEqual(loaded.warnings, []);
    });
  }

  it("names file, line and column of every problem", async () => {
    assert.deepEqual(
      await problems({ "a.yaml": 'listeners:\n  - "80"\nroutes:\n  - upstreem: app\n    respond: {}\n' }),
      [
        'a.yaml:2:5: listeners[0]: "80": is a port only; write ":80"',
        'a.yaml:4:5: routes[0].upstreem: unknown key; did you mean "upstream"?',
      ],
    );
  });

  it("puts variables in", async () => {
    assert.deepEqual(await problems({ "a.yaml": SOME.replace("80", "${env:PORT}") }), []);
    assert.deepEqual(await problems({ "a.yaml": `${SOME}via: "\${env:MISSING}"\nlog: 5\n` }), [
      'a.yaml:3:6: via: "${env:MISSING}": the environment variable MISSING is not set; set it, or write ${env:MISSING:-default}',
      "a.yaml:4:6: log: expected a map of access, format, got 5",
    ]);
  });

  it("reads files that list servers, relative to who names them, and points into them", async () => {
    const servers =
      "upstreams:\n  app:\n    servers:\n      - file: good.yaml\n      - file: sub/bad.json\n      - file: gone.yml\n";
    assert.deepEqual(
      await problems({
        "a.yaml": 'listeners: [":80"]\nroutes: [{ upstream: app }]\ninclude: sub/b.yaml\n',
        "sub/b.yaml": servers.replace("sub/", ""),
        "sub/good.yaml": '- "127.0.0.1:${env:PORT}"\n- "app.internal:9000"\n',
        "sub/bad.json": '["127.0.0.1",\n {"file": "x.yaml"}]',
      }),
      [
        'sub/bad.json:1:2: [0]: "127.0.0.1": has no port; write one, such as "127.0.0.1:8080"',
        "sub/bad.json:2:2: [1].address: is missing; it is required here",
        "sub/bad.json:2:3: [1].file: unknown key; write either address or file; a list in a file names no further file",
        "sub/b.yaml:6:15: upstreams.app.servers[2].file: sub/gone.yml does not exist; check the path",
      ],
    );
    assert.deepEqual(
      await problems({
        "a.yaml":
          'listeners: [":80"]\nroutes: [{ upstream: app }]\nupstreams: { app: { servers: [{ file: l.yaml }] } }\n',
        "l.yaml": "servers: []\n",
      }),
      ['l.yaml:1:1: : holds no list; write servers line by line, such as - "127.0.0.1:9001"'],
    );
  });

  it("reads included files, and points into them", async () => {
    assert.deepEqual(
      await problems({
        "a.yaml": `${SOME}include: [sub/*.yaml, b.json]\n`,
        "b.json": '{"routes": [\n {"upstream": "ap"}]}',
        "sub/x.yaml": "upstreams:\n  app: { servers: [] }\n",
        "sub/y.yaml": "upstreams:\n  app: { servers: [a:1] }\n",
      }),
      [
        "sub/y.yaml:2:3: upstreams.app: is already set in sub/x.yaml (upstreams.app); keep it in one file",
        "sub/x.yaml:2:19: upstreams.app.servers: is an empty list; give at least one item",
        'b.json:2:15: routes[0].upstream: no upstream is called "ap"; did you mean "app"?',
      ],
    );
  });

  it("refuses circles, missing files and endless depth", async () => {
    assert.deepEqual(await problems({ "a.yaml": "include: b.yaml\n", "b.yaml": "include: a.yaml\n" }), [
      "b.yaml:1:10: include: includes a.yaml, which includes this file again",
    ]);
    assert.deepEqual(await problems({ "a.yaml": `${SOME}include: [b.yaml, "none*.yaml"]\n` }), [
      "a.yaml:3:11: include[0]: b.yaml does not exist; check the path",
    ]);
    const chain = Array.from({ length: 11 }, (_, index) => [`${index}.yaml`, `include: ${index + 1}.yaml\n`] as const);
    assert.match(
      (await problems(Object.fromEntries(chain))).join(),
      /8.yaml:1:10: include: includes are more than 8 files deep/,
    );
    assert.deepEqual(await problems({ "a.yaml": `${SOME}include: b.yaml\n`, "b.yaml": "- text\n" }), [
      "b.yaml:1:1: : holds no map; an included file looks like the main one: routes, upstreams, …",
    ]);
  });

  it("passes over files that a pattern finds while they are being read", async () => {
    const all = 'include: "*.yaml"\n';
    assert.deepEqual(await problems({ "a.yaml": SOME + all, "b.yaml": all }), []);
  });

  it("says of an included file that is empty what to write, not what a whole configuration needs", async () => {
    for (const content of ["", "# nothing\n"]) {
      assert.deepEqual(await problems({ "a.yaml": `${SOME}include: sub/*.yaml\n`, "sub/b.yaml": content }), [
        "a.yaml:3:10: include: sub/b.yaml is empty; write {} if it is to add nothing",
      ]);
    }
    assert.deepEqual(await problems({ "a.yaml": `${SOME}include: b.yaml\n`, "b.yaml": "{}\n" }), []);
  });

  it("takes a file for each of many customers, and says once that there are too many", async () => {
    const customers = (count: number) => ({
      "a.yaml": `${SOME}include: ["*.json", "1*.json"]\n`,
      ...Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.json`, "{}"])),
    });
    assert.deepEqual(await problems(customers(1_500)), []);
    assert.deepEqual(await problems(customers(10_002)), [
      "a.yaml:3:11: include[0]: more than 10000 files are included",
    ]);
  });

  it("runs TypeScript: an object, a function, an async function, a promise", async () => {
    const config = '{ listeners: [":80"], routes: [{ respond: {} }] }';
    for (const made of [
      config,
      `() => (${config})`,
      `async (): Promise<object> => (${config})`,
      `Promise.resolve(${config})`,
    ]) {
      assert.deepEqual(await problems({ "a.ts": `export default ${made};\n` }), []);
    }
    assert.deepEqual(await problems({ "b.ts": 'export default { listeners: [":80"], routes: [{}] };\n' }), [
      "b.ts: routes[0]: does nothing; give it one of upstream, redirect, respond, target, mount",
    ]);
    assert.match((await problems({ "c.ts": "export const config = {};\n" })).join(), /no default export/);
    assert.match((await problems({ "d.ts": 'throw new Error("boom");\n' })).join(), /could not be run: boom/);
  });

  it("says what is wrong with a file that is none", async () => {
    for (const [content, message] of [
      ["", /is empty/],
      ["# nothing\n", /is empty/],
      ["hello\n", /expected a map/],
      ["a: [", /a\.yaml:/],
    ] as const) {
      assert.match((await problems({ "a.yaml": content })).join(), message);
    }
  });
});
