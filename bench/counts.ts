/**
 * What a request costs in things that can be counted, so that a busy machine changes nothing: bytes allocated, and
 * promises made, by the whole core on sockets that only hand over bytes. On one thread V8 compiles the same code at the
 * same time in each run, and the bytes come out the same to the last one.
 *
 *   npm run -s bench:counts                          as JSON; needs Node 24
 *   npm run -s bench:counts > bench/counts.json      what `test/bench/counts.test.ts` holds later ones against
 */
import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import process from "node:process";
import { type FakeProxy, startFakeProxy } from "./fake-proxy.ts";
import { HOOK_CASES } from "./hook-cases.ts";
import { median } from "./median.ts";

const WARM_UP_REQUESTS = 50_000;
/** So few that no collection comes between: `--min-semi-space-size` gives them room. */
const REQUESTS = 2_000;
const ROUNDS = 5;
const ROUTES = 10_000;

interface Counts {
  readonly bytes: number;
  readonly promises: number;
}

let promises = 0;
const watch = createHook({
  init(_id, type) {
    if (type === "PROMISE") promises++;
  },
});

const { gc } = globalThis;
assert.ok(gc, "start it as package.json does: the collector has to be at hand");
const counts: Record<string, Counts> = {};
for (const { name, hooks, isLater } of HOOK_CASES)
  counts[name] = await count(await startFakeProxy([{ upstream: "app", hooks }]), isLater);
const many = Array.from({ length: ROUTES }, (_, i) => ({ match: { path: `/route${i}/*` }, upstream: "app" }));
counts[`${ROUTES} routes`] = await count(await startFakeProxy([...many, { upstream: "app" }]), false);

console.log(JSON.stringify(counts, null, 2));
process.exit(0);

async function count(proxy: FakeProxy, isLater: boolean): Promise<Counts> {
  await repeat(WARM_UP_REQUESTS);
  const bytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    gc!();
    const before = process.memoryUsage().heapUsed;
    await repeat(REQUESTS);
    bytes.push((process.memoryUsage().heapUsed - before) / REQUESTS);
  }
  watch.enable();
  const before = promises;
  await repeat(REQUESTS);
  watch.disable();
  return { bytes: Math.round(median(bytes)), promises: Math.round((promises - before) / REQUESTS) };

  async function repeat(requests: number): Promise<void> {
    for (let i = 0; i < requests; i++) {
      if (isLater) await proxy.exchangeLater();
      else proxy.exchange();
    }
  }
}
