// Reads a configuration in a thread of its own and tells what came of it. JavaScript, because the thread starts without
// tsx where that is what runs TypeScript; see millrace.js.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const runsTypeScript = "Deno" in globalThis || "Bun" in globalThis;
const isBuilt = !existsSync(new URL("load-config.ts", import.meta.url));
const stripsTypes = Boolean(globalThis.process?.features?.typescript);

try {
  if (!isBuilt && !runsTypeScript && !stripsTypes) {
    // `import "tsx"` registers for the main thread only.
    for (const kind of ["esm", "cjs"]) (await import(`tsx/${kind}/api`)).register();
  }
  const { loadConfig } = await import("./load-config.ts");
  const { readEnvironment } = await import("./read-environment.ts");
  const { hasCode, takeApart } = await import("./value-pieces.ts");
  // What was compiled cannot be sent; it is compiled again from what was read.
  const { config: _config, scripts: _scripts, value, ...loaded } = await loadConfig(workerData, readEnvironment);
  const { rest, pieces } = hasCode(value) ? { rest: null, pieces: [] } : takeApart(value);
  for (const piece of pieces) {
    parentPort.postMessage({ piece });
    await once(parentPort, "message");
  }
  parentPort.postMessage({ loaded, rest, hasCode: hasCode(value) });
} catch (error) {
  parentPort.postMessage({ problem: error instanceof Error ? error.message : String(error) });
}
