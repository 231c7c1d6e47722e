// What is published, as somebody uses it who has nothing else: packed, installed, type-checked, run on every runtime.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { build } from "esbuild";
import {
  executableOf,
  projectRoot,
  runtimeNames,
  runtimeUnderTest,
  scriptOptions,
} from "../support/runtime-command.ts";
import { runProgram, startProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

const CONSUMER = `import assert from "node:assert/strict";
import { ConfigError, createProxy, defineConfig, type ByteStream, type Decide } from "millrace";
import { compileConfig } from "millrace/core";
import { expectRoute, testProxy } from "millrace/testing";

const decide: Decide = async (request) => (request.path === "/b" ? "b" : "a");
const config = defineConfig({
  listeners: ["127.0.0.1:0"],
  upstreams: { a: { servers: ["10.0.0.1:80"] }, b: { servers: ["10.0.0.2:80"] } },
  routes: [
    { id: "hello", match: { path: "/hello" }, respond: { body: "hello" } },
    { id: "rest", target: { run: decide, timeout: "500ms", fallback: { upstream: "a" } } },
  ],
});
// Streams of the platform, and functions that were written for any stream of bytes.
defineConfig({
  listeners: [":80"],
  routes: [
    {
      respond: {},
      hooks: {
        transformRequestBody: (body) => body.pipeThrough(new CompressionStream("gzip")),
        transformResponseBody: (body) => body.pipeThrough(new DecompressionStream("gzip")),
      },
    },
    {
      respond: {},
      hooks: {
        transformRequestBody: (body: ByteStream) => body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>()),
        transformResponseBody: (body) => body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
      },
    },
  ],
});
const proxy = createProxy(config);
await proxy.start();
const [address] = proxy.addresses;
assert.ok(address?.kind === "tcp");
const response = await fetch(\`http://127.0.0.1:\${address.port}/hello\`);
assert.equal(await response.text(), "hello");
await proxy.stop();
await expectRoute(config, "GET http://x/b").toReach("b");
const test = await testProxy(config);
assert.equal((await test.request("GET /other")).upstream, "a");
await test.close();
assert.ok("problems" in compileConfig({}));
assert.throws(() => createProxy({ listeners: [], routes: [] }), ConfigError);
console.log("consumed");
`;

const CONFIG = `import { type Decide, defineConfig } from "millrace";
import { status } from "./status.ts";
const check = () => ({ deny: status });
const decide: Decide = () => "a";
export default defineConfig({
  listeners: ["127.0.0.1:0"],
  upstreams: { a: { servers: ["127.0.0.1:1"] } },
  routes: [{ target: decide, hooks: { onRequest: check } }],
});
`;

// The run on Node 24 drives all runtimes.
describe("the package", { ignore: runtimeUnderTest() !== "node24" }, () => {
  const scratch = createScratch();
  const installed = (...names: string[]) => scratch.path(join("node_modules", "millrace", ...names));

  beforeAll(async () => {
    const done = async (...argv: string[]) => {
      const { code, stdout, stderr } = await runProgram(argv, { cwd: scratch.folder, timeoutMs: 60_000 });
      assert.equal(code, 0, `${argv.join(" ")}\n${stdout}${stderr}`);
    };
    const isBuilt = process.env["MILLRACE_BUILT"] === "1";
    const built = isBuilt ? join(projectRoot, "dist") : scratch.path("built");
    if (!isBuilt) await done(process.execPath, join(projectRoot, "tools", "build-package.ts"), built);
    await done("npm", "pack", built, "--pack-destination", scratch.folder, "--silent");
    const tarball = readdirSync(scratch.folder).find((name) => name.endsWith(".tgz"));
    assert.ok(tarball !== undefined);
    await done("tar", "xzf", tarball);
    mkdirSync(scratch.path("node_modules"));
    await done("mv", "package", installed());
    // What npm would install beside it.
    const { dependencies } = JSON.parse(readFileSync(installed("package.json"), "utf8"));
    for (const name of [...Object.keys(dependencies), "@types"])
      symlinkSync(join(projectRoot, "node_modules", name), scratch.path(join("node_modules", name)));
    scratch.write("package.json", '{ "name": "consumer", "type": "module", "private": true }\n');
    scratch.write("consumer.ts", CONSUMER);
    scratch.write("config.ts", CONFIG);
    scratch.write("status.ts", "export const status: number = 451;\n");
    scratch.write(
      "tsconfig.json",
      '{ "compilerOptions": { "strict": true, "module": "nodenext", "target": "es2023", "lib": ["es2023", "dom", "esnext.disposable"], "types": ["node"], "outDir": "out", "skipLibCheck": false, "exactOptionalPropertyTypes": true }, "files": ["consumer.ts"] }\n',
    );
  });
  afterAll(() => scratch.remove());

  it("is not made of a checkout as it is, which says how it is made", async () => {
    const { code, stderr } = await runProgram(["npm", "pack", "--dry-run"], { cwd: projectRoot, timeoutMs: 60_000 });
    assert.equal(code, 1);
    assert.match(stderr, /^millrace: .*npm run build, then npm pack \.\/dist$/m);
  });

  it("holds what a user needs, and nothing else", () => {
    const top = readdirSync(installed()).sort();
    const expected = [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "THIRD-PARTY-LICENSES",
      "adapters",
      "cli",
      "core",
      "docs",
      "library",
      "man",
      "package.json",
      "parts",
      "schema",
      "testing",
    ];
    assert.deepEqual(top, expected);
    for (const room of ["adapters", "cli", "core", "library", "parts", "testing"]) {
      const files = readdirSync(installed(room), { recursive: true }).map(String);
      const strange = files.filter((name) => /\.\w+$/.test(name) && !/\.(js|d\.ts)$/.test(name));
      assert.deepEqual(strange, [], room);
    }
    const { man } = JSON.parse(readFileSync(installed("package.json"), "utf8"));
    // npm takes no page that is not in a list.
    assert.match(readFileSync(installed(man[0]), "utf8"), /^\.TH MILLRACE 1/m);
    const { dependencies } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    const { esbuild: _apart, tsx: _ofSources, ...inside } = dependencies;
    const licenses = readFileSync(installed("THIRD-PARTY-LICENSES"), "utf8");
    for (const [name, version] of Object.entries(inside)) assert.ok(licenses.includes(`${name} ${version} (`), name);
  });

  it("links to nothing that is not in it", () => {
    const documents = readdirSync(installed(), { recursive: true }).map(String);
    const broken = documents
      .filter((name) => name.endsWith(".md"))
      .flatMap((document) => {
        const links = readFileSync(installed(document), "utf8").matchAll(/\]\((?!https?:)([^)\s#]+)[^)]*\)/g);
        const paths = [...links].map(([, path = ""]) => join(dirname(document), path));
        return paths.filter((path) => !existsSync(installed(path))).map((path) => `${document}: ${path}`);
      });
    assert.deepEqual(broken, []);
    assert.ok(readFileSync(installed("README.md"), "utf8").includes("](docs/"), "what is in it is linked");
  });

  it("type-checks where nothing is taken on trust", async () => {
    const compiler = join(projectRoot, "node_modules", "typescript", "bin", "tsc");
    const { code, stdout } = await runProgram([process.execPath, compiler, "-p", "."], {
      cwd: scratch.folder,
      timeoutMs: 60_000,
    });
    assert.equal(code, 0, stdout);
  });

  it("asks for nothing of a runtime in its core", async () => {
    const options = { bundle: true, write: false, format: "esm", platform: "neutral" } as const;
    await build({ ...options, entryPoints: [installed("core", "mod.js")], logLevel: "silent" });
  });

  const commitBuiltFrom = () => {
    const texts = readdirSync(installed("parts")).map((name) => readFileSync(installed("parts", name), "utf8"));
    const [, commit] = /\bbuiltFrom = .*?"(\w+)"/.exec(texts.join("\n")) ?? [];
    return commit;
  };

  for (const runtime of runtimeNames) {
    // Installed, Node 20 has no tsx, and needs none.
    const command = [executableOf(runtime), ...(runtime === "node" ? [] : scriptOptions(runtime))];
    const deno = runtime === "deno" ? ["--node-modules-dir=manual"] : [];

    it(`is used as a library on ${runtime}`, async () => {
      const { code, stdout, stderr } = await runProgram([...command, ...deno, "out/consumer.js"], {
        cwd: scratch.folder,
        timeoutMs: 30_000,
      });
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.match(stdout, /consumed/);
    });

    it(`is run as a command on ${runtime}, with a program that is reloaded`, async () => {
      const cli = [...command, ...deno, installed("cli", "millrace.js")];
      const { stdout } = await runProgram([...cli, "--version"], { cwd: scratch.folder });
      assert.match(stdout, /^millrace \d+\.\d+\.\d+ \(/);
      const commit = commitBuiltFrom();
      assert.ok(stdout.endsWith(commit === undefined ? ")\n" : `, commit ${commit})\n`), stdout);
      scratch.write("status.ts", "export const status: number = 451;\n");
      const program = startProgram([...cli, "run", "config.ts"], { cwd: scratch.folder });
      try {
        const listening = await program.says(/listening on (http:\/\/\S+)/);
        const url = listening[1] ?? "";
        assert.equal((await fetch(url)).status, 451);
        scratch.write("status.ts", "export const status: number = 452;\n");
        program.signal("SIGHUP");
        await program.says(/SIGHUP: reloaded/);
        assert.equal((await fetch(url)).status, 452);
      } finally {
        await program.stop();
      }
    });
  }
});
