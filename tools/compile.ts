// Makes executables of the whole program, one file each, by default for the machine this runs on.
//
//   npm run compile                              bun, node and deno, as far as they can be made, into out/
//   npm run compile -- --only bun                bun, node, node26 or deno; several with commas
//   npm run compile -- --target linux-arm64      for another machine: linux-x64, linux-arm64, darwin-x64, darwin-arm64,
//                                                windows-x64, several with commas, or all; fetches from the npm registry
//   npm run compile -- --fetch-denort            Deno may fetch what it puts into executables from its own server
//   npm run compile -- --out FOLDER
//
// What differs inside of an executable is in cli/one-file.ts; what each form does about it in compile/.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { compileForBun } from "./compile/bun.ts";
import { compileForDeno } from "./compile/deno.ts";
import { type Compile, type Place, root } from "./compile/form.ts";
import { compileForNode24, compileForNode26 } from "./compile/node.ts";
import { FetchError } from "./compile/npm-file.ts";
import { type Target, targetHere, targets } from "./compile/target.ts";

const forms: Readonly<Record<string, Compile>> = {
  bun: compileForBun,
  node: compileForNode24,
  node26: compileForNode26,
  deno: compileForDeno,
};
/** Without the one that has to be fetched first. */
const FORMS_BY_DEFAULT = ["bun", "node", "deno"];

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: FORMS_BY_DEFAULT },
      target: { type: "string", multiple: true },
      "fetch-denort": { type: "boolean", default: false },
      out: { type: "string", default: join(root, "out") },
    },
  });
  const names = values.only.flatMap((text) => text.split(","));
  const unknown = names.filter((name) => !(name in forms));
  if (unknown.length > 0) {
    console.error(`--only ${unknown.join(",")}: there are ${Object.keys(forms).join(", ")}`);
    return 2;
  }
  const asked = askedTargets(values.target?.flatMap((text) => text.split(",")));
  if (asked === null) {
    console.error(`--target: there are ${targets.map(({ name }) => name).join(", ")}, and all`);
    return 2;
  }
  let exitCode = 0;
  for (const target of asked) {
    for (const name of names) {
      // Files of several targets lie beside each other.
      const called = values.target === undefined ? name : `${name}-${target.name}`;
      const place = {
        target,
        folder: resolve(values.out, `made-${called}`),
        executable: resolve(values.out, `millrace-${called}${target.suffix}`),
        fetchesDenort: values["fetch-denort"],
      };
      if (!(await isMade(called, forms[name] as Compile, place))) exitCode = 1;
    }
  }
  return exitCode;
}

/** Null when one of them is none. */
function askedTargets(names: readonly string[] | undefined): readonly Target[] | null {
  if (names === undefined) return [targetHere];
  if (names.includes("all")) return targets;
  const found = names.flatMap((name) => targets.find((target) => target.name === name) ?? []);
  return found.length === names.length ? found : null;
}

/** Also true for what cannot be made here, which a line says. */
async function isMade(called: string, compile: Compile, place: Place): Promise<boolean> {
  const { folder, executable } = place;
  mkdirSync(folder, { recursive: true });
  rmSync(executable, { force: true });
  const startedMs = performance.now();
  try {
    const reason = await compile(place);
    if (reason !== null) {
      console.log(`${called}: left out, ${reason}`);
      return true;
    }
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    console.error(`${called}: failed, ${error.message}`);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${called}: ${executable}, ${(statSync(executable).size / 1e6).toFixed(1)} MB (${seconds} s)`);
  return true;
}
