/**
 * Proxies without a kernel beside each other: short rounds in turn, and of those the best quarter, because what else the
 * machine does only ever adds.
 */

import type { FakeProxy } from "./fake-proxy.ts";

export interface Variant {
  readonly name: string;
  readonly proxy: FakeProxy;
  /** Whether a request takes turns of microtasks; `at first` while all is compiled and connected. */
  readonly isLater: boolean | "at first";
}

export interface Plan {
  readonly rounds: number;
  /** Until everything is compiled. */
  readonly warmUpRounds: number;
  readonly requests: number;
}

/** Prints what each takes, and how much more than the first. */
export async function compareInTurn(variants: readonly Variant[], { rounds, warmUpRounds, requests }: Plan) {
  const timed = variants.map((variant) => ({ ...variant, us: [] as number[] }));
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const { proxy, isLater, us } of timed) {
      const waits = isLater === true || (isLater === "at first" && round < 0);
      const began = performance.now();
      for (let i = 0; i < requests; i++) {
        if (waits) await proxy.exchangeLater();
        else proxy.exchange();
      }
      if (round >= 0) us.push(((performance.now() - began) * 1_000) / requests);
    }
  }
  const base = quarter(timed[0]!.us);
  for (const { name, proxy, us } of timed) {
    const { writesToServers, writesToClients } = proxy.world;
    if (writesToServers !== writesToClients) throw new Error(`${name}: not every request was answered`);
    const added = quarter(us) - base;
    console.log(`${name.padEnd(36)} ${quarter(us).toFixed(2)} us per request, ${added.toFixed(2)} more`);
  }
}

/** A quarter of the rounds were faster. */
function quarter(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}
