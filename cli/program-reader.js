// Runs a configuration that is a program, in a thread of its own, and tells what it exports. JavaScript, because the
// thread starts without tsx where that is what runs TypeScript; see millrace.js.

import { parentPort, workerData } from "node:worker_threads";

const runsTypeScript = "Deno" in globalThis || "Bun" in globalThis;
const stripsTypes = Boolean(globalThis.process?.features?.typescript) && !import.meta.url.includes("/node_modules/");

try {
  if (!runsTypeScript && !stripsTypes) {
    // `import "tsx"` registers for the main thread only.
    for (const kind of ["esm", "cjs"]) (await import(`tsx/${kind}/api`)).register();
  }
  const module = await import(workerData);
  // Of a file that tsx takes for CommonJS the exports are the default.
  const exported = module.default?.__esModule === true ? module.default.default : module.default;
  parentPort.postMessage({ value: typeof exported === "function" ? await exported() : exported });
} catch (error) {
  parentPort.postMessage({ problem: error instanceof Error ? error.message : String(error) });
}
