/**
 * What hooks cost beside a request without any: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   npm run bench:hooks [rounds]        the same with deno run -A and bun
 *
 * The goals: a synchronous hook costs 1 microsecond at most, an asynchronous one that answers from the cache 3.
 */
import process from "node:process";
import { startFakeProxy } from "./fake-proxy.ts";
import { HOOK_CASES } from "./hook-cases.ts";
import { compareInTurn, type Variant } from "./in-turn.ts";

const rounds = Number(process.argv[2] ?? 200);

const variants: Variant[] = [];
for (const { name, hooks, isLater } of HOOK_CASES)
  variants.push({ name, isLater, proxy: await startFakeProxy([{ upstream: "app", hooks }]) });
await compareInTurn(variants, { rounds, warmUpRounds: 20, requests: 2_000 });
process.exit(0);
