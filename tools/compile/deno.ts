/** `deno compile`. */

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bundle, executableEntry } from "./bundle.ts";
import { type Place, root } from "./form.ts";
import { esbuildFor, FetchError } from "./npm-file.ts";
import type { Target } from "./target.ts";

const SYSTEMS: Readonly<Record<string, string>> = {
  linux: "unknown-linux-gnu",
  darwin: "apple-darwin",
  win32: "pc-windows-msvc",
};
const START_MS_MAX = 10_000;

export async function compileForDeno(place: Place): Promise<string | null> {
  const { target, folder, executable, fetchesDenort } = place;
  const { DENORT_BIN: denort = "", ...env } = process.env;
  if (denort !== "" && !existsSync(denort)) return `there is no file DENORT_BIN=${denort}`;
  if (denort === "" && !fetchesDenort)
    return `deno compile needs denort of the same version for ${target.name}: DENORT_BIN=/path/of/denort, or --fetch-denort`;
  const deno = join(root, "node_modules", ".bin", "deno");
  if (!existsSync(deno)) return "Deno is not installed: npm ci";
  const program = join(folder, "millrace.mjs");
  const esbuild = join(folder, "esbuild");
  copyFileSync(esbuildFor(place), esbuild);
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
  const granted = ["--allow-all", "--unstable-net", `--target=${denoNameOf(target)}`];
  const args = ["compile", "--no-check", ...granted, "--include", esbuild, "--output", executable, program];
  // An empty DENORT_BIN would be a path to Deno, and a backtrace would hide the cause.
  const given = { ...env, RUST_BACKTRACE: "0", ...(denort !== "" && { DENORT_BIN: denort }) };
  const { status, stderr } = spawnSync(deno, args, { cwd: root, env: given, encoding: "utf8" });
  // Deno embeds into any program, one that never looks at what it has embedded included.
  const isOurs = status === 0 && (!target.isHere || saysMillrace(executable));
  if (isOurs) return null;
  rmSync(executable, { force: true });
  // The innermost cause comes last.
  const cause =
    status === 0
      ? "it runs, but not what was embedded"
      : stderr
          .trim()
          .split("\n")
          .at(-1)
          ?.replace(/^ *\d+: /, "");
  if (denort === "") throw new FetchError(`Deno could not fetch denort for ${target.name}: ${cause}`);
  return `DENORT_BIN=${denort} is no denort for ${target.name}: ${cause}`;
}

function saysMillrace(executable: string): boolean {
  const { stdout } = spawnSync(executable, ["--version"], { encoding: "utf8", timeout: START_MS_MAX });
  return stdout?.startsWith("millrace ") ?? false;
}

/** As `--target` has it. */
function denoNameOf({ platform, arch }: Target): string {
  return `${arch === "x64" ? "x86_64" : "aarch64"}-${SYSTEMS[platform]}`;
}
