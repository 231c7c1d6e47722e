/**
 * What 10,000 routes and 10,000 servers add to a request of the core, on sockets without a kernel: short rounds in turn, and
 * of those the best quarter. The goal is 5 % of a request on real sockets.
 *
 *   npm run bench:many [rounds]        the same with deno run -A and bun
 */
import process from "node:process";
import type { Config } from "../core/config/define.ts";
import { type FakeProxy, startFakeProxy } from "./fake-proxy.ts";

const rounds = Number(process.argv[2] ?? 60);
const MANY = 10_000;
const REQUESTS = 2 * MANY;
/** Servers are chosen by chance: behind twenty requests for each, all have a connection, but for one in a thousand runs. */
const WARM_UP_ROUNDS = 10;
const ONE_SERVER = ["127.0.0.1:2"];

const many = Array.from({ length: MANY }, (_, i) => i);
const routes: Config["routes"] = many.map((i) => ({ match: { path: `/route${i}/*` }, upstream: "app" }));
const servers = many.map((i) => `10.0.${i >> 8}.${i & 255}:2`);
const variants: { readonly name: string; readonly proxy: FakeProxy; readonly us: number[] }[] = [
  { name: "one route, one server", proxy: await startFakeProxy([{ upstream: "app" }], ONE_SERVER), us: [] },
  { name: "10,000 routes", proxy: await startFakeProxy([...routes, { upstream: "app" }], ONE_SERVER), us: [] },
  { name: "10,000 servers", proxy: await startFakeProxy([{ upstream: "app" }], servers), us: [] },
];

for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
  for (const { proxy, us } of variants) {
    const began = performance.now();
    for (let i = 0; i < REQUESTS; i++) {
      // A server's first request waits for its connection.
      if (round < 0) await proxy.exchangeLater();
      else proxy.exchange();
    }
    if (round >= 0) us.push(((performance.now() - began) * 1_000) / REQUESTS);
  }
}
for (const { name, proxy } of variants) {
  const { writesToServers, writesToClients } = proxy.world;
  if (writesToServers !== writesToClients) throw new Error(`${name}: not every request was answered`);
}
const base = quarter(variants[0]!.us);
for (const { name, us } of variants) {
  const added = quarter(us) - base;
  console.log(`${name.padEnd(24)} ${quarter(us).toFixed(2)} us per request, ${added.toFixed(2)} more`);
}
process.exit(0);

/** A quarter of the rounds were faster. */
function quarter(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}
