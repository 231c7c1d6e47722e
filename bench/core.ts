/**
 * What a request costs in our own code: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   node --import tsx bench/core.ts [requests]        the same with deno run -A and bun
 */
import process from "node:process";
import { startFakeProxy } from "./fake-proxy.ts";

const { world, exchange } = await startFakeProxy([{ upstream: "app" }]);
const requests = Number(process.argv[2] ?? 300_000);
for (let round = 0; round < 5; round++) {
  const before = performance.now();
  for (let i = 0; i < requests; i++) exchange();
  const tookMs = performance.now() - before;
  console.log(`${((tookMs * 1000) / requests).toFixed(2)} us per request`);
}
const { writesToServers, writesToClients } = world;
if (writesToServers !== writesToClients) throw new Error(`${writesToServers} requests, ${writesToClients} responses`);
process.exit(0);
