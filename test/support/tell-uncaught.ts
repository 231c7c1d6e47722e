// Deno's node:test (2.9.5) calls a run ok in which something was thrown behind the back of a test: in a timer, say, or in a
// promise nobody waits for. Loaded before the tests of Deno; the runner looks for the line it writes.

import process from "node:process";

export const UNCAUGHT = "thrown behind the back of a test";

if ("Deno" in globalThis) {
  globalThis.addEventListener("error", ({ error }) => tell(error));
  globalThis.addEventListener("unhandledrejection", ({ reason }) => tell(reason));
}

function tell(error: unknown): void {
  process.stderr.write(`${UNCAUGHT}: ${error instanceof Error ? error.stack : error}\n`);
}
