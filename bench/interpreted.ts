/**
 * Programs under valgrind with a V8 that only interprets: with compilers, what is compiled when would be counted, too. Two
 * runs differ by less than 0.01 %, on a busy machine as well.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { executableOf } from "../test/support/runtime-command.ts";

const OPTIONS = ["--jitless", "--single-threaded", "--predictable", "--hash-seed=1", "--random-seed=1"];

/** What valgrind says of one run: its options, the program's arguments, and V8's options. */
export type Run = (
  valgrind: readonly string[],
  args: readonly (string | number)[],
  v8?: readonly string[],
) => Promise<string>;

const execute = promisify(execFile);

/** Runs of `entry`, a file of this folder. */
export async function interpreting<T>(entry: string, use: (run: Run) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-interpreted-"));
  try {
    // An interpreter without WebAssembly can't strip types.
    const program = join(folder, "program.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "esm",
      // Some packages are CommonJS.
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
    return await use(async (valgrind, args, v8 = []) => {
      const command = [...valgrind, "--smc-check=none", executableOf("node24"), ...OPTIONS, ...v8, program];
      // What is read from a cache is compiled at other times, and counts half as much again.
      const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
      const { stderr } = await execute("valgrind", [...command, ...args.map(String)], { env });
      return stderr;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The number behind `name` in what valgrind says. */
export function counted(said: string, name: RegExp): number {
  const count = Number(new RegExp(`${name.source}\\s*:\\s*([\\d,]+)`).exec(said)?.[1]?.replaceAll(",", ""));
  if (!(count > 0)) throw new Error(`valgrind counted nothing: ${said.slice(-1000)}`);
  return count;
}
