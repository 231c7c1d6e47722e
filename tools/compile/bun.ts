/** `bun build --compile`. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commit, executableEntry, run } from "./bundle.ts";
import { type Place, root } from "./form.ts";
import { esbuildFor, fetchFile, lockedPackage } from "./npm-file.ts";
import type { Target } from "./target.ts";

export async function compileForBun(place: Place): Promise<string | null> {
  const { target, folder, executable } = place;
  const bun = join(root, "node_modules", ".bin", "bun");
  if (!existsSync(bun)) return "Bun is not installed: npm ci";
  const entry = join(folder, "millrace.ts");
  writeFileSync(
    entry,
    `import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import esbuild from ${JSON.stringify(esbuildFor(place))} with { type: "file" };
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
  const foreign = target.isHere ? [] : [`--target=${bunNameOf(target)}`, `--compile-executable-path=${baseFor(place)}`];
  run(bun, ["build", "--compile", ...small, ...blind, ...defined, ...foreign, entry, "--outfile", executable]);
  return null;
}

/** As `--target` has it. */
function bunNameOf({ platform, arch }: Target): string {
  return `bun-${platform === "win32" ? "windows" : platform}-${arch}`;
}

function baseFor(place: Place): string {
  const name = `@oven/${bunNameOf(place.target).replace("arm64", "aarch64")}`;
  return fetchFile(lockedPackage(name), `bin/bun${place.target.suffix}`, place);
}
