/**
 * Instructions per request of the core on sockets without a kernel, counted by valgrind. V8 only interprets here: with
 * compilers, what is compiled when would be counted, too. Two runs differ by less than 0.01 %, on a busy machine as
 * well; what they say is how much JavaScript a request runs, not how fast a compiler makes it.
 *
 *   npm run -s bench:instructions                               as JSON; needs valgrind and Node 24
 *   npm run -s bench:instructions > bench/instructions.json     what `test/bench/instructions.test.ts` holds later ones against
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { executableOf } from "../test/support/runtime-command.ts";

/** The difference is counted: what starting and the first requests need goes away. */
const FEW = 100;
const MANY = 500;
const OPTIONS = ["--jitless", "--single-threaded", "--predictable", "--hash-seed=1", "--random-seed=1"];

const folder = mkdtempSync(join(tmpdir(), "millrace-instructions-"));
try {
  // An interpreter without WebAssembly can't strip types.
  const program = join(folder, "exchanges.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("exchanges.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    // Some packages are CommonJS.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  const perRequest = (countedBy(program, MANY) - countedBy(program, FEW)) / (MANY - FEW);
  console.log(JSON.stringify({ interpreted: Math.round(perRequest / 10) * 10 }, null, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function countedBy(program: string, requests: number): number {
  const counter = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--smc-check=none"];
  const command = [executableOf("node24"), ...OPTIONS, program, String(requests)];
  // What is read from a cache is compiled at other times, and counts half as much again.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" };
  const { stderr, error } = spawnSync("valgrind", [...counter, ...command], { encoding: "utf8", env });
  const count = Number(/Collected : (\d+)/.exec(stderr ?? "")?.[1]);
  if (!(count > 0)) throw new Error(`valgrind counted nothing: ${error?.message ?? stderr.slice(-1000)}`);
  return count;
}
