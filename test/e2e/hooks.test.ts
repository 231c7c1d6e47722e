// Functions of configurations in a running process: loaded from files, reloaded, told apart from our own code.

import assert from "node:assert/strict";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { pause, until } from "./wait.ts";

/** Of a client between its requests, so that three of them leave the machine to the reload. */
const THINK_MS = 3;

let backend: Backend;
let scratch: Scratch;
let proxy: Millrace;

beforeAll(async () => {
  backend = await startNodeBackend();
});
afterAll(async () => {
  await backend?.stop();
});
beforeEach(() => {
  scratch = createScratch();
});
afterEach(async () => {
  await proxy?.stop();
  scratch.remove();
});

const status = async (path = "/bytes/5"): Promise<number> => {
  const response = await fetch(`${proxy.url}${path}`);
  await response.body?.cancel();
  return response.status;
};

/** A script that denies with the status of a file beside it. */
function writeScript(denied: number, more = ""): void {
  scratch.write("denied.ts", `export const denied: number = ${denied};\n`);
  scratch.write(
    "hooks.ts",
    `import { denied } from "./denied.ts";
import { defineConfig, type OnRequest } from "millrace";

let calls = 0;
export const check: OnRequest = async (request) => {
  calls++;
  if (request.path === "/throw") throw new Error("thrown on purpose");
  if (request.query === "stray") setTimeout(() => { throw new Error("a stray error"); }, 1);
  if (request.path === "/calls") return { deny: 400 + calls };
  return request.path === "/denied" ? { deny: denied } : undefined;
};
export const unload = () => console.error("unloaded " + denied + typeof defineConfig);
${more}`,
  );
}

const yaml = (more = "") => `listeners: ["127.0.0.1:0"]
upstreams: { app: { servers: ["127.0.0.1:${backend.port}"] } }
hooks:
  onRequest: { script: ./hooks.ts, export: check, timeout: 500ms }
onUnload: { script: ./hooks.ts, export: unload }
routes:
  - { id: all, upstream: app }
${more}`;

describe("hooks in a script", () => {
  it("decide, and tell where they fail; others' requests go on", async () => {
    writeScript(451);
    proxy = await startMillraceWith(["run", scratch.write("main.yaml", yaml())]);
    assert.equal(await status("/denied"), 451);
    assert.equal(await status(), 200);
    assert.equal(await status("/throw"), 503);
    await proxy.says(/hook hooks\.onRequest \(.*hooks\.ts:7:\d+\) threw: thrown on purpose/);
    assert.equal(await status("/bytes/5?stray"), 200);
    await proxy.says(/uncaught in code of the configuration, at .*hooks\.ts:8:\d+: "a stray error"/);
    assert.equal(await status(), 200);
    assert.doesNotMatch(proxy.stderr, /internal defect/);
  });

  it("that end the process are named, and nobody takes it for a stop", async () => {
    writeScript(451, "export const leave = () => { process.exit(0); };\n");
    proxy = await startMillraceWith(["run", scratch.write("main.yaml", yaml().replace("check", "leave"))]);
    await assert.rejects(status());
    assert.deepEqual(await proxy.exited, { code: 4, signal: null });
    assert.match(proxy.stderr, /millrace: code of the configuration, at .*hooks\.ts:13:\d+, has ended the process/);
  });

  it("that end the process do so where nobody reads that they did", async () => {
    writeScript(451, "export const leave = () => { process.exit(0); };\n");
    proxy = await startMillraceWith(["run", scratch.write("main.yaml", yaml().replace("check", "leave"))]);
    proxy.closeErrors();
    await assert.rejects(status());
    assert.deepEqual(await proxy.exited, { code: 4, signal: null });
  });

  it("may go to another directory: the configuration is read where it was", async () => {
    writeScript(451, 'export const move = () => { process.chdir("/"); };\n');
    scratch.write("main.yaml", yaml().replace("check", "move"));
    proxy = await startMillraceWith(["run", "main.yaml"], { cwd: scratch.folder });
    assert.equal(await status(), 200);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: reloaded/);
  });

  it("reload with what they import, under load, and lose nothing", async () => {
    writeScript(451);
    proxy = await startMillraceWith(["run", scratch.write("main.yaml", yaml())]);
    let isOver = false;
    let requests = 0;
    const load = async () => {
      while (!isOver) {
        assert.equal(await status(), 200);
        requests++;
        await pause(THINK_MS);
      }
    };
    const loads = [load(), load(), load()];
    for (const denied of [452, 453]) {
      writeScript(denied);
      proxy.signal("SIGHUP");
      await until(async () => (await status("/denied")) === denied, `the answer to become ${denied}\n${proxy.stderr}`);
      await proxy.says(new RegExp(`unloaded ${denied - 1}function`));
    }
    isOver = true;
    await Promise.all(loads);
    assert.ok(requests > 20, `${requests} requests`);
    const url = proxy.url;
    await proxy.stop();
    assert.match(proxy.stderr, /unloaded 453function/, url);
  });

  it("that did not change keep their state over a reload", async () => {
    writeScript(451);
    const file = scratch.write("main.yaml", yaml());
    proxy = await startMillraceWith(["run", file]);
    assert.equal(await status("/calls"), 401);
    scratch.write("main.yaml", yaml('  - { id: more, match: { path: /more }, respond: { body: "more" } }\n'));
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: reloaded; routes: 1 added \(more\)/);
    assert.equal(await status("/calls"), 402);
    assert.doesNotMatch(proxy.stderr, /unloaded/);
  });

  it("that throw where nobody waits, when they are read again, are refused with the line", async () => {
    writeScript(451);
    proxy = await startMillraceWith(["run", scratch.write("main.yaml", yaml())]);
    const wait = "await new Promise((done) => setTimeout(done, 5_000));\nexport const denied = 452;\n";
    for (const [thrown, told] of [
      ["new Error('later')", /: could not be run: an error nobody waits for: later; at .*denied\.ts:1:\d+\n/],
      ["null", /: could not be run: an error nobody waits for: null\n/],
    ] as const) {
      scratch.write("denied.ts", `setTimeout(() => { throw ${thrown}; }, 1);\n${wait}`);
      proxy.signal("SIGHUP");
      await proxy.says(told);
    }
    assert.equal(await status("/denied"), 451);
    assert.doesNotMatch(proxy.stderr, /internal defect/);
  });

  it("that are wrong change nothing, and say where", async () => {
    writeScript(451);
    proxy = await startMillraceWith(["run", "--watch", scratch.write("main.yaml", yaml())]);
    scratch.write("denied.ts", "export const denied = ;\n");
    await proxy.says(/denied\.ts:1:23: hooks\.onRequest: Unexpected ";"/);
    await proxy.says(/the old configuration goes on/);
    assert.equal(await status("/denied"), 451);
    scratch.write("denied.ts", "export const denied: number = 454;\n");
    await until(async () => (await status("/denied")) === 454, `a neighbour to be noticed\n${proxy.stderr}`);
  });
});

describe("hooks in a program", () => {
  it("run in the main thread, anew after a reload", async () => {
    const program = (denied: number) => `import { defineConfig } from "millrace";
export default defineConfig(async () => ({
  listeners: ["127.0.0.1:0"],
  routes: [{ id: "only", mount: async () => new Response("x", { status: 200 }), hooks: { onRequest: () => ({ deny: ${denied} }) } }],
}));
`;
    const file = scratch.write("main.ts", program(451));
    proxy = await startMillraceWith(["run", file]);
    assert.equal(await status(), 451);
    scratch.write("main.ts", program(452));
    proxy.signal("SIGHUP");
    await until(async () => (await status()) === 452, `the new program\n${proxy.stderr}`);
    await proxy.says(/SIGHUP: reloaded; .*code: 1 changed \(\S*main\.ts\)/);
    scratch.write("main.ts", `${program(453)}\nawait new Promise(() => {});\nthrow new Error("never");\n`);
    proxy.signal("SIGHUP");
    // It hangs in its thread, where it harms nobody.
    assert.equal(await status(), 452);
  });
});
