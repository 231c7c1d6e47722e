// Reads a configuration in a thread of its own and tells what came of it. JavaScript, because the thread starts without
// tsx where that is what runs TypeScript; see millrace.js.

import { existsSync } from "node:fs";
import { parentPort } from "node:worker_threads";

const runsTypeScript = "Deno" in globalThis || "Bun" in globalThis;
const isBuilt = !existsSync(new URL("tell-config.ts", import.meta.url));
const stripsTypes = Boolean(globalThis.process?.features?.typescript);

try {
  if (!isBuilt && !runsTypeScript && !stripsTypes) {
    // `import "tsx"` registers for the main thread only.
    for (const kind of ["esm", "cjs"]) (await import(`tsx/${kind}/api`)).register();
  }
  const { tellConfig } = await import("./tell-config.ts");
  await tellConfig();
} catch (error) {
  parentPort.postMessage({ problem: error instanceof Error ? error.message : String(error) });
}
