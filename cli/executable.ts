/** Entry of executables, for which `tools/compile/` writes a few lines per runtime that call it. */

import process from "node:process";
import { isMainThread, parentPort } from "node:worker_threads";
import { beOneFile, type OneFile } from "./one-file.ts";

/** Everything has started by then, and the first requests are served. */
const SETTLE_MS = 1_000;

/** The program, or the thread in which it reads a configuration. */
export async function startExecutable(parts: OneFile): Promise<void> {
  beOneFile(parts);
  if (isMainThread) {
    if (parts.settle !== undefined) setTimeout(parts.settle, SETTLE_MS).unref();
    const { start } = await import("./start.ts");
    process.exit(await start());
  }
  try {
    const { tellConfig } = await import("./tell-config.ts");
    await tellConfig();
  } catch (error) {
    parentPort?.postMessage({ problem: error instanceof Error ? error.message : String(error) });
  }
}
