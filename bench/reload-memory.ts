// What reloads leave behind (row A20: 5 % at most): the heap after a collection, when 200 reloads have warmed it up and
// 300 more came. Resident memory is shown beside it: it follows, whenever the runtime cares to give some back. Each
// reload changes an upstream and a third of 200 routes, and three requests follow it.
//
//   node --expose-gc --import tsx bench/reload-memory.ts
//   deno run -A --v8-flags=--expose-gc bench/reload-memory.ts
//   bun bench/reload-memory.ts

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { loadRuntime } from "../adapters/mod.ts";
import { compileConfig } from "../core/config/compile.ts";
import type { Snapshot } from "../core/exchange/snapshot.ts";
import { createProxy } from "../core/proxy.ts";

const WARM_UP = 200;
const MEASURED = 300;
const GROWTH_MAX = 0.05;

const { gc, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(now: boolean): void } };
const collect = gc ?? (bun === undefined ? null : () => bun.gc(true));
if (collect === null)
  throw new Error("this runtime has to be started so that a collection can be asked for; see above");

const origin = createServer((_request, response) => response.end("hello\n"));
await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
const server = `127.0.0.1:${(origin.address() as AddressInfo).port}`;

/** Another one for each `turn`. */
function snapshotOf(turn: number): Snapshot {
  const changing = `u${turn % 7}`;
  const respond = { status: 200, body: "x" };
  const compiled = compileConfig({
    listeners: [{ address: "127.0.0.1:0", name: "only" }],
    upstreams: {
      app: { servers: [server], health: { check: { path: "/" } } },
      [changing]: { servers: [server, `127.0.0.1:${9 + (turn % 7)}`], balance: "peak-ewma" },
    },
    routes: [
      { match: { path: "/changing/*" }, upstream: changing },
      ...Array.from({ length: 200 }, (_, i) => ({ match: { path: `/r${i % 3 === 0 ? turn : 0}-${i}` }, respond })),
      { upstream: "app" },
    ],
  });
  if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot;
}

const proxy = createProxy({ runtime: await loadRuntime(), snapshot: snapshotOf(0) });
await proxy.start();
const [address] = proxy.addresses;
if (address?.kind !== "tcp") throw new Error("listens on no port");
const base = `http://127.0.0.1:${address.port}`;

let before = 0;
for (let turn = 1; turn <= WARM_UP + MEASURED; turn++) {
  await proxy.reload(snapshotOf(turn));
  for (const path of ["/", "/", "/changing/x"]) await (await fetch(base + path)).text();
  if (turn % 100 !== 0) continue;
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, rss } = process.memoryUsage();
  const heapMiB = heapUsed / 1024 / 1024;
  console.log(`${turn} reloads: ${heapMiB.toFixed(1)} MiB of heap, ${(rss / 1024 / 1024).toFixed(1)} MiB resident`);
  if (turn === WARM_UP) before = heapMiB;
  if (turn === WARM_UP + MEASURED) {
    const growth = heapMiB / before - 1;
    const verdict = growth <= GROWTH_MAX ? "reached" : "MISSED";
    console.log(
      `${verdict}: ${(growth * 100).toFixed(1)} % more after ${MEASURED} reloads, at most ${GROWTH_MAX * 100}`,
    );
    process.exitCode = growth <= GROWTH_MAX ? 0 : 1;
  }
}
await proxy.stop();
origin.close();
