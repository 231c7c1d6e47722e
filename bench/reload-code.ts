// What generations of a configuration's code leave behind: the heap after a collection, when 20 reloads have warmed it up
// and 60 more came. Each generation is another text of some 120 KiB, holds a table of 1 MiB made at run time, and answers
// a request through its hook. `--import` measures what `import()` of each would leave instead.
//
//   node --expose-gc --import tsx bench/reload-code.ts [--import]
//   deno run -A --v8-flags=--expose-gc bench/reload-code.ts [--import]
//   bun bench/reload-code.ts [--import]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { getHeapSnapshot } from "node:v8";
import { loadRuntime } from "../adapters/mod.ts";
import { loadConfig } from "../cli/load-config.ts";
import { programs } from "../cli/programs.ts";
import { readEnvironment } from "../cli/read-environment.ts";
import { compileConfig } from "../core/config/compile.ts";
import { createProxy } from "../core/proxy.ts";

const WARM_UP = 20;
const MEASURED = 60;
/** A generation that stays costs its table and its text, more than a megabyte. */
const LEFT_BYTES_MAX = 64 * 1024;

const { gc, Bun: bun } = globalThis as { gc?: (how?: object) => void; Bun?: { gc(isNow: boolean): void } };
// V8 keeps texts that it compiled until memory gets short. `last-resort` is as if it were; Node 20, which has no such
// word, does the same before it writes a snapshot.
const isNode20 = process.version.startsWith("v20.");
const collect =
  gc === undefined
    ? bun === undefined
      ? null
      : async () => bun.gc(true)
    : async () => {
        gc();
        if (!isNode20) gc({ type: "major", execution: "sync", flavor: "last-resort" });
        else for await (const _ of getHeapSnapshot());
      };
if (collect === null)
  throw new Error("this runtime has to be started so that a collection can be asked for; see above");

const byImport = process.argv.includes("--import");
const directory = mkdtempSync(join(tmpdir(), "millrace-code-"));
const file = join(directory, "main.mjs");

function write(turn: number): string {
  const helpers = Array.from(
    { length: 1000 },
    (_, i) => `(x) => "a text of generation ${turn}" + x + ${i} + "${"-".repeat(60)}",`,
  );
  const text = `const helpers = [
${helpers.join("\n")}
];
const table = new Uint8Array(1024 * 1024).fill(${turn % 256});
export default {
  listeners: [{ address: "127.0.0.1:0", name: "only" }],
  hooks: { onRequest: () => new Response(helpers[0](table[5])) },
  routes: [{ id: "all", respond: { status: 404, body: "" } }],
};
`;
  const name = byImport ? join(directory, `main${turn}.mjs`) : file;
  writeFileSync(name, text);
  return name;
}

async function snapshotOf(turn: number) {
  const name = write(turn);
  if (byImport) {
    const compiled = compileConfig((await import(pathToFileURL(name).href)).default);
    if ("snapshot" in compiled) return compiled.snapshot;
    throw new Error(JSON.stringify(compiled.problems));
  }
  const loaded = await loadConfig(file, readEnvironment);
  if ("problems" in loaded) throw new Error(JSON.stringify(loaded.problems));
  programs.use(loaded.scripts);
  return loaded.config.snapshot;
}

async function settled(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await collect!();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + (bun === undefined ? arrayBuffers : 0);
}

const proxy = createProxy({ runtime: await loadRuntime(), snapshot: await snapshotOf(0) });
await proxy.start();
const [address] = proxy.addresses;
if (address?.kind !== "tcp") throw new Error("listens on no port");
let before = 0;
for (let turn = 1; turn <= WARM_UP + MEASURED; turn++) {
  await proxy.reload(await snapshotOf(turn));
  const answer = await (await fetch(`http://127.0.0.1:${address.port}/`)).text();
  if (!answer.startsWith(`a text of generation ${turn}`))
    throw new Error(`generation ${turn} does not answer: ${answer}`);
  if (turn === WARM_UP) before = await settled();
}
const perReload = Math.round(((await settled()) - before) / MEASURED);
const isWell = perReload <= LEFT_BYTES_MAX;
console.log(
  `${byImport ? "import()" : isWell ? "reached" : "MISSED"}: ${perReload} bytes left per reload after ${MEASURED}, at most ${LEFT_BYTES_MAX}`,
);
process.exitCode = isWell || byImport ? 0 : 1;
await proxy.stop();
rmSync(directory, { recursive: true });
