/**
 * What a request costs in our own code: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   node --import tsx bench/core.ts [requests]        the same with deno run -A and bun
 */
import process from "node:process";
import { compileConfig } from "../core/config/compile.ts";
import { createProxy } from "../core/proxy.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";

const compiled = compileConfig({
  listeners: [{ address: "127.0.0.1:1" }],
  upstreams: { app: { servers: ["127.0.0.1:2"] } },
  routes: [{ upstream: "app" }],
});
if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
const world = new FakeWorld();
const proxy = createProxy({ runtime: world.runtime, snapshot: compiled.snapshot });
await proxy.start();

const client = world.connect();
client.handler.onData(client, REQUEST.slice());
await new Promise((resolve) => setTimeout(resolve, 10));
world.asked?.handler.onData(world.asked, RESPONSE.slice());

const requests = Number(process.argv[2] ?? 300_000);
for (let round = 0; round < 5; round++) {
  const before = performance.now();
  for (let i = 0; i < requests; i++) world.exchange(client);
  const tookMs = performance.now() - before;
  console.log(`${((tookMs * 1000) / requests).toFixed(2)} us per request`);
}
const { writesToServers, writesToClients } = world;
if (writesToServers !== writesToClients) throw new Error(`${writesToServers} requests, ${writesToClients} responses`);
process.exit(0);
