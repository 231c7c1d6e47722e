// The program as one file, as somebody uses it who has nothing else: each executable that can be made here.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { commitOfCheckout } from "../../cli/version.ts";
import { lacksRegistry } from "../support/npm-registry.ts";
import { executableOf, projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Program, runProgram, startProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";
import { pause, until, within } from "./wait.ts";

const runtimes = ["bun", "node", "node26", "deno"] as const;
type Runtime = (typeof runtimes)[number];
/** What is missing when it is. */
const LACKING = { bun: "npm ci", node: "npm run setup:node24", node26: "the npm registry", deno: "DENORT_BIN" };
/** Node 26 has to be fetched, from a registry that may be slow. Below what a file of tests has. */
const COMPILE_MS_MAX = 240_000;
const CLIENTS = 4;
const LOAD_MIN = 200;
/** Of a client between its requests: load that is there all the time, but leaves the machine to what is driven. */
const THINK_MS = 10;
/** Idle, on Linux: the goal of docs/performance.md for Bun's, which gives back what starting needed. */
const RESIDENT_BYTES_MAX = 40e6;

/** An upstream in one file, the route in another that is changed. */
const yaml = (port: number): string => `include: status.yaml
listeners: ["127.0.0.1:0"]
upstreams: { app: { servers: ["127.0.0.1:${port}"] } }
`;
const yamlStatus = (status: number): string => `routes:
  - { match: { path: /status }, respond: { status: ${status}, body: "" } }
  - { upstream: app }
`;
const program = (port: number): string => `import { readFileSync } from "node:fs";
import { name } from "a-package";
import { value } from "a-common-package";
import { defineConfig, type Decide, type OnRequest } from "millrace";
import { testProxy } from "millrace/testing";
import { status } from "./status.ts";

const about: OnRequest = async (request) => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  if (request.path === "/status") return { deny: status, body: \`\${name} \${value} \${typeof testProxy}\` };
};
const decide: Decide = async () => (readFileSync(import.meta.filename).length > 0 ? "app" : undefined);
export default defineConfig({
  listeners: ["127.0.0.1:0"],
  upstreams: { app: { servers: ["127.0.0.1:${port}"] } },
  routes: [{ id: "all", target: decide, hooks: { onRequest: about } }],
});
`;
const programStatus = (status: number): string => `export const status: number = ${status};\n`;

const forms = [
  { name: "YAML", file: "main.yaml", part: "status.yaml", content: yaml, status: yamlStatus, text: "" },
  {
    name: "TypeScript",
    file: "main.ts",
    part: "status.ts",
    content: program,
    status: programStatus,
    text: "packaged common function",
  },
];

// The run on Node 24 makes and drives them all.
describe("executables", { ignore: runtimeUnderTest() !== "node24" }, () => {
  const scratch = createScratch();
  const leftOut = new Set(runtimes.filter(isLeftOut));
  const temporary = scratch.path("tmp");
  // Nothing of what is around may be needed.
  const options = {
    cwd: scratch.folder,
    env: { TMPDIR: temporary, PATH: "/nowhere", NODE_PATH: "", NODE_OPTIONS: "" },
  };
  const made = new Map<string, Promise<void>>();
  let backend: Backend;

  beforeAll(async () => {
    backend = await startNodeBackend();
    mkdirSync(temporary);
    for (const [name, type, text] of [
      ["a-package", "module", "export const name = await Promise.resolve('packaged');"],
      ["a-common-package", "commonjs", "exports.value = 'common';"],
    ] as const) {
      mkdirSync(scratch.path(join("node_modules", name)), { recursive: true });
      const manifest = { name, type, version: "1.0.0", main: "index.js" };
      scratch.write(join("node_modules", name, "package.json"), JSON.stringify(manifest));
      scratch.write(join("node_modules", name, "index.js"), text);
    }
    for (const runtime of runtimes) if (!leftOut.has(runtime)) made.set(runtime, compiled(runtime, scratch.folder));
  });
  afterAll(async () => {
    await Promise.allSettled(made.values());
    await backend?.stop();
    scratch.remove();
  });

  for (const runtime of runtimes) {
    const ignore = leftOut.has(runtime);
    const called = ignore ? `${runtime} (left out: ${LACKING[runtime]})` : runtime;
    const executable = scratch.path(`millrace-${runtime}`);
    const does = (...args: string[]) => runProgram([executable, ...args], options);

    for (const { name, file, part, content, status, text } of forms) {
      it(`${called}: serves, reloads and drains with a configuration in ${name}`, { ignore }, async () => {
        scratch.write(file, content(backend.port));
        scratch.write(part, status(451));
        await made.get(runtime);
        const proxy = startProgram([executable, "run", "--watch", file], options);
        try {
          const [, url = ""] = await proxy.says(/listening on (http:\/\/\S+)/);
          const answers = async (expected: number) => {
            const response = await fetch(`${url}/status`);
            return (await response.text()) === text && response.status === expected;
          };
          assert.ok(await answers(451));
          const load = new Load(`${url}/bytes/3`);
          for (const next of [452, 453]) {
            scratch.write(part, status(next));
            await until(
              () => answers(next),
              () => `the answer to become ${next}\n${proxy.stderr}`,
            );
          }
          await until(() => load.done > LOAD_MIN, "some load");
          await load.end();
          assert.deepEqual(load.failed, []);
          await drains(proxy, url);
          assert.deepEqual(readdirSync(temporary), []);
        } finally {
          await proxy.stop();
        }
      });
    }

    it(`${called}: checks, explains and says what it is`, { ignore }, async () => {
      await made.get(runtime);
      const version = await does("--version");
      const commit = commitOfCheckout();
      const said = new RegExp(
        `^millrace \\d+\\.\\d+\\.\\d+ \\(${runtime.replace("26", "")} [\\d.]+${commit === null ? "" : `, commit ${commit}`}\\)`,
      );
      assert.match(version.stdout, said);
      for (const { file, part, content, status } of forms) {
        scratch.write(file, content(backend.port));
        scratch.write(part, status(451));
        const checked = await does("check", file);
        assert.deepEqual([checked.code, checked.stderr], [0, ""]);
        const explained = await does("explain", file, "GET", "http://a/bytes/3");
        assert.equal(explained.code, 0, explained.stderr);
        assert.match(explained.stdout, /^Route {5}/m);
      }
      scratch.write("status.ts", "export const status: number = ;\n");
      const wrong = await does("check", "main.ts");
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /^status\.ts:1:31: /m);
      assert.deepEqual(readdirSync(temporary), []);
    });

    it(`${called}: says so where it cannot write or run esbuild, which YAML does not need`, { ignore }, async () => {
      await made.get(runtime);
      for (const { file, part, content, status } of forms) {
        scratch.write(file, content(backend.port));
        scratch.write(part, status(451));
      }
      for (const env of [{ TMPDIR: scratch.path("none") }, { ESBUILD_BINARY_PATH: scratch.path("main.yaml") }]) {
        const without = { ...options, env: { ...options.env, ...env } };
        const yaml = await runProgram([executable, "check", "main.yaml"], without);
        assert.equal(yaml.code, 0, yaml.stderr);
        const { code, stderr } = await runProgram([executable, "check", "main.ts"], without);
        assert.equal(code, 1, stderr);
        assert.match(
          stderr,
          /^main\.ts: could not be read, because esbuild could not be run: .*(ENOENT|EACCES).*; set TMPDIR to /m,
        );
      }
    });
  }

  const ofBun = { ignore: leftOut.has("bun") || process.platform !== "linux" };
  it("bun: needs little memory when it has started", ofBun, async () => {
    scratch.write("main.yaml", yaml(backend.port));
    scratch.write("status.yaml", yamlStatus(451));
    await made.get("bun");
    const proxy = startProgram([scratch.path("millrace-bun"), "run", "main.yaml"], options);
    try {
      const [, url = ""] = await proxy.says(/listening on (http:\/\/\S+)/);
      assert.equal((await (await fetch(`${url}/bytes/3`)).arrayBuffer()).byteLength, 3);
      await until(
        () => residentBytes(proxy.pid) < RESIDENT_BYTES_MAX,
        () => `${residentBytes(proxy.pid)} bytes to become fewer than ${RESIDENT_BYTES_MAX}`,
      );
      // And goes on with what it gave back.
      assert.equal((await (await fetch(`${url}/bytes/3`)).arrayBuffer()).byteLength, 3);
    } finally {
      await proxy.stop();
    }
  });
});

function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1024;
}

/** One is driven while the next is made. */
async function compiled(runtime: Runtime, folder: string): Promise<void> {
  const compile = [process.execPath, join(projectRoot, "tools", "compile.ts"), "--only", runtime, "--out", folder];
  const { code, stdout, stderr } = await runProgram(compile, { timeoutMs: COMPILE_MS_MAX });
  assert.equal(code, 0, `${stdout}${stderr}`);
}

function isLeftOut(runtime: Runtime): boolean {
  // It is not asked where all of this is ignored.
  if (runtime === "node26") return runtimeUnderTest() !== "node24" || lacksRegistry();
  if (runtime === "deno") return !process.env["DENORT_BIN"];
  return !existsSync(executableOf(runtime === "node" ? "node24" : runtime));
}

/** What is under way when SIGTERM comes is answered, and all was well. */
async function drains(proxy: Program, url: string): Promise<void> {
  const late = Array.from({ length: CLIENTS }, async () => (await fetch(`${url}/slow/300`)).text());
  // The first half of each.
  const begun = await Promise.all(Array.from({ length: CLIENTS }, () => fetch(`${url}/slow/300`)));
  proxy.signal("SIGTERM");
  for (const response of begun) assert.equal(await response.text(), "first-last");
  assert.deepEqual(await Promise.all(late), Array(CLIENTS).fill("first-last"));
  assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
}

/** Clients that ask again and again. */
class Load {
  done = 0;
  readonly failed: string[] = [];
  #isOver = false;
  readonly #clients: readonly Promise<void>[];

  constructor(url: string) {
    this.#clients = Array.from({ length: CLIENTS }, () => this.#ask(url));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #ask(url: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const response = await fetch(url);
        const { length } = await response.text();
        if (response.status !== 200 || length !== 3) this.failed.push(`${response.status}, ${length} bytes`);
      } catch (error) {
        this.failed.push(String(error));
      }
      this.done++;
      await pause(THINK_MS);
    }
  }
}
