/** Which runtime is this, what was asked for, and with which code to leave. */

import process from "node:process";
import { loadRuntime } from "../adapters/mod.ts";
import { runCommandLine } from "./args.ts";
import { EXIT_INTERNAL, EXIT_OUTPUT } from "./exit-codes.ts";
import { results, standardError, standardOutput } from "./line-writer.ts";
import { reloadSignal, tracesSignal } from "./signals.ts";

/** Long enough for a slow terminal; a reader that does not read must not keep us. */
const FLUSH_MS = 250;

/** Resolves with the exit code when all output is written. */
export async function start(): Promise<number> {
  let exitCode: number;
  try {
    exitCode = await runCommandLine(process.argv.slice(2), await loadRuntime(), {
      // Loaded when asked for: `--help` needs neither the proxy nor the demo's servers.
      run: async (file, options, runtime) => {
        // A configuration may take long to read, and whoever asks meanwhile has changed it.
        for (const signal of [reloadSignal, tracesSignal]) signal.listen();
        return (await import("./run.ts")).run(file, options, runtime);
      },
      check: async (file, outputs) => (await import("./check.ts")).check(file, outputs),
      explain: async (...asked) => (await import("./explain.ts")).explain(...asked),
      proxy: async (...asked) => (await import("./proxy.ts")).proxy(...asked),
      demo: async (options, runtime) => (await import("./demo.ts")).demo(options, runtime),
    });
  } catch (error) {
    standardError.write("millrace: a defect of millrace; please report it with these lines:");
    standardError.write(error instanceof Error ? (error.stack ?? error.message) : String(error));
    exitCode = EXIT_INTERNAL;
  }
  await results.flush(FLUSH_MS);
  if (results.failure !== null) {
    standardError.write(`millrace: standard output could not be written: ${results.failure}`);
    exitCode = EXIT_OUTPUT;
  }
  await Promise.all([standardOutput, standardError].map((writer) => writer.flush(FLUSH_MS)));
  return exitCode;
}
