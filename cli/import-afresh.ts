/**
 * Imports a configuration that is a program once more. A module is never read twice in one thread, so each time gets
 * its own: it reads the file and all that it imports as they are now, and nothing of it stays when the thread ends.
 */

import { Worker } from "node:worker_threads";

/** A program that takes longer than this hangs. */
const PROGRAM_MS = 30_000;

/** The default export, called if it is a function; `undefined` when there is none. */
export async function importAfresh(url: string): Promise<{ value: unknown } | { problem: string }> {
  const worker = new Worker(new URL("./program-reader.js", import.meta.url), { workerData: url });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise((resolve) => {
      worker.once("message", resolve);
      worker.once("error", ({ message }) => resolve({ problem: message }));
      worker.once("exit", () => resolve({ problem: "it ended without a result" }));
      timer = setTimeout(() => resolve({ problem: `it did not end within ${PROGRAM_MS / 1_000}s` }), PROGRAM_MS);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
