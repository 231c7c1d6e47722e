/**
 * What hooks cost beside a request without any: the whole core on sockets that only hand over bytes, no kernel.
 *
 *   npm run bench:hooks [requests]        the same with deno run -A and bun
 */
import process from "node:process";
import { compileConfig } from "../core/config/compile.ts";
import { createProxy } from "../core/proxy.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";
import { median } from "./median.ts";

const requests = Number(process.argv[2] ?? 100_000);
const ROUNDS = 7;

const variants = {
  "no hook": {},
  "synchronous onRequest": { onRequest: () => undefined },
  "synchronous decide": { decide: () => "app" },
  "asynchronous decide from the cache": {
    decide: async (request: { readonly host: string }, context: { cache(...all: unknown[]): unknown }) =>
      await context.cache(request.host, () => "app", { ttl: "1h" }),
  },
};

interface Variant {
  readonly name: string;
  readonly isLater: boolean;
  readonly world: FakeWorld;
  readonly client: ReturnType<FakeWorld["connect"]>;
}

async function start(name: string, hooks: object): Promise<Variant> {
  const compiled = compileConfig({
    listeners: [{ address: "127.0.0.1:1" }],
    upstreams: { app: { servers: ["127.0.0.1:2"] } },
    routes: [{ upstream: "app", hooks }],
  });
  if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
  const world = new FakeWorld();
  const proxy = createProxy({ runtime: world.runtime, snapshot: compiled.snapshot });
  await proxy.start();
  const client = world.connect();
  client.handler.onData(client, REQUEST.slice());
  await new Promise((resolve) => setTimeout(resolve, 10));
  world.asked?.handler.onData(world.asked, RESPONSE.slice());
  return { name, isLater: name.startsWith("asynchronous"), world, client };
}

/** Microseconds per request. An asynchronous hook is given one turn of microtasks, as the event loop would. */
async function round({ world, client, isLater }: Variant): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < requests; i++) {
    if (!isLater) {
      world.exchange(client);
      continue;
    }
    client.handler.onData(client, REQUEST.slice());
    const before = world.writesToServers;
    while (world.writesToServers === before) await null;
    world.asked?.handler.onData(world.asked, RESPONSE.slice());
  }
  return ((performance.now() - began) * 1_000) / requests;
}

const started: Variant[] = [];
for (const [name, hooks] of Object.entries(variants)) started.push(await start(name, hooks));
const times = new Map<string, number[]>(started.map(({ name }) => [name, []]));
for (let i = 0; i < ROUNDS; i++) for (const variant of started) times.get(variant.name)?.push(await round(variant));
const base = median(times.get("no hook") ?? []);
for (const [name, each] of times) {
  const us = median(each);
  console.log(`${name.padEnd(36)} ${us.toFixed(2)} us per request, ${(us - base).toFixed(2)} more`);
}
process.exit(0);
