/**
 * What hooks cost beside a request without any: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   npm run bench:hooks [rounds]        the same with deno run -A and bun
 *
 * Short rounds in turn, and of those the best quarter: what else the machine does only ever adds. The goals: a
 * synchronous hook costs 1 microsecond at most, an asynchronous one that answers from the cache 3.
 */
import process from "node:process";
import { type FakeProxy, startFakeProxy } from "./fake-proxy.ts";
import { HOOK_CASES, type HookCase } from "./hook-cases.ts";

const rounds = Number(process.argv[2] ?? 200);
const REQUESTS = 2_000;
/** Until everything is compiled. */
const WARM_UP_ROUNDS = 20;

interface Variant extends HookCase, FakeProxy {
  readonly us: number[];
}

const variants: Variant[] = [];
for (const each of HOOK_CASES) {
  const proxy = await startFakeProxy([{ upstream: "app", hooks: each.hooks }]);
  variants.push({ ...each, ...proxy, us: [] });
}
for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
  for (const { isLater, us, exchange, exchangeLater } of variants) {
    const began = performance.now();
    for (let i = 0; i < REQUESTS; i++) {
      if (isLater) await exchangeLater();
      else exchange();
    }
    if (round >= 0) us.push(((performance.now() - began) * 1_000) / REQUESTS);
  }
}
const base = quarter(variants[0]!.us);
for (const { name, us } of variants)
  console.log(`${name.padEnd(36)} ${quarter(us).toFixed(2)} us per request, ${(quarter(us) - base).toFixed(2)} more`);
process.exit(0);

/** A quarter of the rounds were faster. */
function quarter(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}
