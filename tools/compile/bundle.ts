/** What the executables of Node and Deno run: the program in one text. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { commitOfCheckout } from "../../cli/version.ts";
import { root } from "./form.ts";

/** As source text; what `--version` tells. */
export const commit: string | undefined = JSON.stringify(commitOfCheckout() ?? undefined);

/** Called by the few lines that are each form's own, beside what is in cli/one-file.ts. */
export const executableEntry: string = join(root, "cli", "executable.ts");

export async function bundle(outfile: string, format: "cjs" | "esm", entry: string): Promise<void> {
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

/** What it says is in the error, if it fails. */
export function run(command: string, args: readonly string[], cwd: string = root): void {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
}
