import { Worker } from "node:worker_threads";

/** What `expression` is in a worker where `it` stands for what a file of `adapters/` exports. The worker is terminated. */
export async function inWorker(file: string, expression: string): Promise<unknown> {
  const url = new URL(`../../adapters/${file}`, import.meta.url).href;
  const code = `import(${JSON.stringify(url)}).then((it) => require("node:worker_threads").parentPort.postMessage(${expression}));`;
  const worker = new Worker(code, { eval: true });
  const answer = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  return answer;
}
