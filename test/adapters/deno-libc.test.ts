import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { it } from "@std/testing/bdd";

const isDeno = "Deno" in globalThis;

(isDeno ? it : it.ignore)("a worker has none: what it left open when it is terminated would stay open", async () => {
  const file = new URL("../../adapters/deno-libc.ts", import.meta.url);
  const code = `import(${JSON.stringify(file.href)}).then(({ libc }) =>
    require("node:worker_threads").parentPort.postMessage(libc === null));`;
  const worker = new Worker(code, { eval: true });
  const isNone = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  assert.equal(isNone, true);
});
