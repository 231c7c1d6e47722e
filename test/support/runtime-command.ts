// How each runtime is started: to run a test file, and to run the command line tool. Read by the test runner, and by
// tests that start the tool on the runtime they themselves run on.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export type RuntimeName = "node" | "node24" | "deno" | "bun";

export const runtimeNames: readonly RuntimeName[] = ["node", "node24", "deno", "bun"];

export const projectRoot: string = fileURLToPath(new URL("../..", import.meta.url));

/** The runtime this code runs on; the test runner's word goes before looking. */
export function runtimeUnderTest(): RuntimeName {
  const told = process.env["MILLRACE_RUNTIME"];
  for (const name of runtimeNames) if (told === name) return name;
  if ("Deno" in globalThis) return "deno";
  if ("Bun" in globalThis) return "bun";
  return isNode24() ? "node24" : "node";
}

/** The argv prefix that starts the command line tool on the runtime under test. */
export function cliCommand(): readonly string[] {
  const told = process.env["MILLRACE_COMMAND"];
  return told === undefined ? cliCommandOn(runtimeUnderTest()) : (JSON.parse(told) as string[]);
}

export function cliCommandOn(runtime: RuntimeName): readonly string[] {
  // As it is installed, which starts in a third of the time: nothing is compiled, and there are few files.
  if (runtime.startsWith("node") && process.env["MILLRACE_BUILT"] === "1") {
    return [executableOf(runtime), join(projectRoot, "dist", "cli", "millrace.js")];
  }
  return [executableOf(runtime), ...scriptOptions(runtime), join(projectRoot, "cli", "main.ts")];
}

/** Null when it is there, else what is missing and how to get it. */
export function missingRuntime(runtime: RuntimeName): string | null {
  const path = executableOf(runtime);
  if (existsSync(path)) return null;
  const remedy = runtime === "node24" ? "npm run setup:node24" : "npm ci";
  return `${runtime} is not installed (no ${path}): run \`${remedy}\``;
}

export function executableOf(runtime: RuntimeName): string {
  if (runtime === "node24") return join(projectRoot, "tools", "node24", "node_modules", "node", "bin", "node");
  if (runtime === "deno") return join(projectRoot, "node_modules", ".bin", "deno");
  if (runtime === "bun") return join(projectRoot, "node_modules", ".bin", "bun");
  // Inside Deno or Bun, execPath is not Node; there the one on the PATH is meant.
  return "Deno" in globalThis || "Bun" in globalThis ? "node" : process.execPath;
}

/** Options before the script: Node 20 needs tsx, by URL because the working directory may be any. */
export function scriptOptions(runtime: RuntimeName): readonly string[] {
  if (runtime === "node") return ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href];
  if (runtime === "deno") return ["run", "-A", "--no-check"];
  return [];
}

function isNode24(): boolean {
  return Number.parseInt(process.versions.node, 10) >= 24;
}
