import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { loadAfresh } from "../../cli/load-afresh.ts";
import { loadConfig } from "../../cli/load-config.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";

let scratch: Scratch;
afterEach(() => scratch.remove());

const none = () => undefined;
const never = { signal: new AbortController().signal, givenUp: 0 };
const yaml = (padding: number): string =>
  `listeners: ["127.0.0.1:80"]\nroutes: [{ respond: { body: "${"x".repeat(padding)}" } }]\n`;

describe("reading a configuration again", () => {
  it("gives up here what has become large, or a program, and reads it elsewhere", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", yaml(10));
    const { origins } = await loadConfig(file, none);
    assert.ok(!origins.isHeavy);
    assert.ok("config" in (await loadConfig(file, none, { isQuick: true })));
    scratch.write("a.yaml", yaml(20_000));
    const quick = await loadConfig(file, none, { isQuick: true });
    assert.ok("problems" in quick && quick.origins.isHeavy);
    const again = await loadAfresh(file, none, origins, never);
    assert.ok("config" in again, JSON.stringify(again));
    assert.ok(again.origins.isHeavy);
    scratch.write("b.js", "globalThis.wasRunHere = true; export default {};");
    scratch.write("a.yaml", `include: b.js\n${yaml(10)}`);
    assert.ok("config" in (await loadAfresh(file, none, origins, never)));
    assert.ok(!("wasRunHere" in globalThis));
  });

  it("names the code that ends the process it runs in", async () => {
    scratch = createScratch();
    const hooks = scratch.write("hooks.ts", "process.exit(3);\nexport const check = () => undefined;\n");
    const file = scratch.write("a.yaml", `hooks: { onRequest: { script: ./hooks.ts, export: check } }\n${yaml(10)}`);
    const origins = { files: new Map([[file, ""]]), code: new Set<string>(), globs: [], isHeavy: true };
    const loaded = await loadAfresh(file, none, origins, never);
    assert.ok("problems" in loaded);
    assert.deepEqual(
      loaded.problems.map(({ file, message }) => `${file.split("/").at(-1)}: ${message}`),
      [`hooks.ts: could not be run: it ended the process; a configuration must not do that`],
    );
    assert.ok(loaded.problems[0]!.file.endsWith("hooks.ts") && hooks.endsWith("hooks.ts"));
  });

  for (const [how, code] of [
    ["waits for what does not come", "await new Promise(() => {});"],
    ["runs in a circle", "for (;;);"],
  ] as const)
    it(`gives up code that ${how}, once somebody asks for the next reload`, async () => {
      scratch = createScratch();
      scratch.write("hooks.ts", `${code}\nexport const check = () => undefined;\n`);
      const file = scratch.write("a.yaml", `hooks: { onRequest: { script: ./hooks.ts, export: check } }\n${yaml(10)}`);
      const origins = { files: new Map([[file, ""]]), code: new Set<string>(), globs: [], isHeavy: true };
      const asking = new AbortController();
      const loading = loadAfresh(file, none, origins, { signal: asking.signal, givenUp: 0 });
      asking.abort();
      const loaded = await loading;
      assert.ok("problems" in loaded && loaded.isGivenUp);
      const { file: culprit, message } = loaded.problems[0]!;
      assert.match(`${culprit.split("/").at(-1)}: ${message}`, /^hooks\.ts: given up after \ds for a later reload$/);
      assert.ok(loaded.origins.files.has(file));
    });

  it("waits twice as long each time for code that was given up", async () => {
    scratch = createScratch();
    const file = scratch.write(
      "a.mjs",
      `await new Promise((resolve) => setTimeout(resolve, 3_000));
       export default { listeners: [":80"], routes: [{ respond: {} }] };`,
    );
    const origins = { files: new Map([[file, ""]]), code: new Set<string>(), globs: [], isHeavy: true };
    const outcome = async (givenUp: number) => {
      const loaded = await loadAfresh(file, none, origins, { signal: AbortSignal.abort(), givenUp });
      return "problems" in loaded ? loaded.problems[0]?.message : "loaded";
    };
    const [first, fourth] = await Promise.all([0, 3].map(outcome));
    assert.match(first ?? "", /^given up after \ds for a later reload$/);
    assert.equal(fourth, "loaded");
  });

  it("does not give up what comes behind the code, however long that takes", async () => {
    scratch = createScratch();
    const pipe = scratch.path("slow.yaml");
    assert.equal((await runProgram(["mkfifo", pipe])).code, 0);
    const file = scratch.write("a.mjs", `export default { listeners: [":80"], include: ${JSON.stringify(pipe)} };`);
    const origins = { files: new Map([[file, ""]]), code: new Set<string>(), globs: [], isHeavy: true };
    const loading = loadAfresh(file, none, origins, { signal: AbortSignal.abort(), givenUp: 0 });
    // Opened once somebody reads it, which is when the code has ended.
    const writing = runProgram(["sh", "-c", 'exec 3>"$0"; sleep 1.5; echo "routes: [{ respond: {} }]" >&3', pipe]);
    const loaded = await loading;
    assert.deepEqual("problems" in loaded ? loaded.problems : [], []);
    await writing;
  });
});
