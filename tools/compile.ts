// Makes executables of the whole program, one file each, for the machine it runs on.
//
//   npm run compile                     all that can be made here, into out/
//   npm run compile -- --only bun       bun, node or deno; repeatable
//   npm run compile -- --out FOLDER
//
// What differs inside of an executable is in cli/one-file.ts; what each runtime does about it in ENTRIES below.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { commitOfCheckout } from "../cli/version.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const suffix = process.platform === "win32" ? ".exe" : "";
/** esbuild's program for this machine. */
const esbuildProgram = require.resolve(
  `@esbuild/${process.platform}-${process.arch}/${suffix === "" ? "bin/esbuild" : "esbuild.exe"}`,
);
const executableEntry = join(root, "cli", "executable.ts");

/** What `--version` tells. */
const commit = JSON.stringify(commitOfCheckout() ?? undefined);

/** What postject looks for, from Node's documentation of single executable applications. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** Where one runtime keeps its files while they are made, and what comes of them. */
interface Place {
  readonly folder: string;
  readonly executable: string;
}

/** Null, or why it was left out. */
type Compile = (place: Place) => Promise<string | null>;

const compilers: Readonly<Record<string, Compile>> = { bun: compileForBun, node: compileForNode, deno: compileForDeno };

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: Object.keys(compilers) },
      out: { type: "string", default: join(root, "out") },
    },
  });
  const names = values.only.flatMap((text) => text.split(","));
  const unknown = names.filter((name) => !(name in compilers));
  if (unknown.length > 0) {
    console.error(`--only ${unknown.join(",")}: there are ${Object.keys(compilers).join(", ")}`);
    return 2;
  }
  for (const name of names) {
    const place = {
      folder: resolve(values.out, `made-${name}`),
      executable: resolve(values.out, `millrace-${name}${suffix}`),
    };
    mkdirSync(place.folder, { recursive: true });
    rmSync(place.executable, { force: true });
    const startedMs = performance.now();
    const reason = await compilers[name](place);
    rmSync(place.folder, { recursive: true, force: true });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (reason === null) console.log(`${name}: ${place.executable}, ${megabytes(place.executable)} MB (${seconds} s)`);
    else console.log(`${name}: left out, ${reason}`);
  }
  return 0;
}

// ── Bun ─────────────────────────────────────────────────────────────────────

async function compileForBun({ folder, executable }: Place): Promise<string | null> {
  const bun = join(root, "node_modules", ".bin", "bun");
  if (!existsSync(bun)) return "Bun is not installed: npm ci";
  const entry = join(folder, "millrace.ts");
  writeFileSync(
    entry,
    `import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import esbuild from ${JSON.stringify(esbuildProgram)} with { type: "file" };
import { giveBackMemory } from ${JSON.stringify(join(root, "cli", "give-back.ts"))};
import { startExecutable } from ${JSON.stringify(executableEntry)};
startExecutable({
  settle: giveBackMemory,
  startThread: (task) => new Worker(Bun.main, { workerData: task }),
  esbuildProgram: () => readFileSync(esbuild),
});
`,
  );
  // What lies in the working directory is not about the proxy.
  const blind = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  // Bytecode starts in less than half the time, for 6 MB.
  const small = ["--bytecode", "--minify-syntax", "--minify-whitespace"];
  const defined = commit === undefined ? [] : ["--define", `MILLRACE_COMMIT=${commit}`];
  run(bun, ["build", "--compile", ...small, ...blind, ...defined, entry, "--outfile", executable]);
  return null;
}

// ── Node ────────────────────────────────────────────────────────────────────

async function compileForNode({ folder, executable }: Place): Promise<string | null> {
  const node = join(root, "tools", "node24", "node_modules", "node", "bin", `node${suffix}`);
  if (!existsSync(node)) return "Node 24 is not installed: npm run setup:node24";
  const program = join(folder, "millrace.cjs");
  await bundle(
    program,
    "cjs",
    `import { getAsset, getRawAsset } from "node:sea";
import { Worker } from "node:worker_threads";
import { startExecutable } from ${JSON.stringify(executableEntry)};
startExecutable({
  startThread: (task) => new Worker(getAsset("program", "utf8"), { eval: true, workerData: task }),
  esbuildProgram: () => new Uint8Array(getRawAsset("esbuild")),
});
`,
  );
  const blob = join(folder, "sea.blob");
  writeFileSync(
    join(folder, "sea.json"),
    JSON.stringify({
      // Stacks show this name; it must not be that of a folder here.
      main: basename(program),
      output: blob,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: { program, esbuild: esbuildProgram },
    }),
  );
  run(node, ["--experimental-sea-config", "sea.json"], folder);
  copyFileSync(node, executable);
  chmodSync(executable, 0o755);
  const { inject } = require("postject");
  await inject(executable, "NODE_SEA_BLOB", readFileSync(blob), { sentinelFuse: FUSE, machoSegmentName: "NODE_SEA" });
  return null;
}

// ── Deno ────────────────────────────────────────────────────────────────────

async function compileForDeno({ folder, executable }: Place): Promise<string | null> {
  if (!process.env["DENORT_BIN"]) return "deno compile needs denort of the same version: DENORT_BIN=/path/of/denort";
  const deno = join(root, "node_modules", ".bin", "deno");
  if (!existsSync(deno)) return "Deno is not installed: npm ci";
  const program = join(folder, "millrace.mjs");
  const esbuild = join(folder, "esbuild");
  copyFileSync(esbuildProgram, esbuild);
  await bundle(
    program,
    "esm",
    `import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { startExecutable } from ${JSON.stringify(executableEntry)};
await startExecutable({
  startThread: (task) => new Worker(new URL(import.meta.url), { workerData: task }),
  esbuildProgram: () => readFileSync(new URL("esbuild", import.meta.url)),
});
`,
  );
  const granted = ["--allow-all", "--unstable-net"];
  run(deno, ["compile", "--no-check", ...granted, "--include", esbuild, "--output", executable, program]);
  return null;
}

// ── all ─────────────────────────────────────────────────────────────────────

async function bundle(outfile: string, format: "cjs" | "esm", entry: string): Promise<void> {
  await build({
    stdin: { contents: entry, resolveDir: root, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format,
    target: "es2023",
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: "warning",
    ...(commit !== undefined && { define: { MILLRACE_COMMIT: commit } }),
    // What is not there in one file is not used there: one-file.ts sees to that.
    logOverride: { "empty-import-meta": "silent", "require-resolve-not-external": "silent" },
    // CommonJS packages in a module.
    ...(format === "esm" && {
      banner: { js: 'import { createRequire as of } from "node:module"; const require = of(import.meta.url);' },
    }),
  });
}

function run(command: string, args: readonly string[], cwd: string = root): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
}

function megabytes(file: string): string {
  return (statSync(file).size / 1e6).toFixed(1);
}
