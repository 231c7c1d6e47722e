/** A proxy on sockets that only hand over bytes, one client connected, its connection to the server in the pool. */

import { compileConfig } from "../core/config/compile.ts";
import type { Config } from "../core/config/define.ts";
import { createProxy } from "../core/proxy.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";

export interface FakeProxy {
  readonly world: FakeWorld;
  /** One request and its response. */
  exchange(): void;
  /** The same where a hook answers later: it is given the turns of microtasks it takes. */
  exchangeLater(): Promise<void>;
}

export async function startFakeProxy(
  routes: Config["routes"],
  servers: string[] = ["127.0.0.1:2"],
): Promise<FakeProxy> {
  const compiled = compileConfig({
    listeners: [{ address: "127.0.0.1:1" }],
    upstreams: { app: { servers } },
    routes,
  });
  if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
  const world = new FakeWorld();
  const proxy = createProxy({ runtime: world.runtime, snapshot: compiled.snapshot });
  await proxy.start();
  const client = world.connect();
  client.handler.onData(client, REQUEST.slice(), 0, REQUEST.length);
  await new Promise((resolve) => setTimeout(resolve, 10));
  world.asked?.handler.onData(world.asked, RESPONSE.slice(), 0, RESPONSE.length);
  return {
    world,
    exchange: () => world.exchange(client),
    async exchangeLater() {
      const before = world.writesToServers;
      client.handler.onData(client, REQUEST.slice(), 0, REQUEST.length);
      while (world.writesToServers === before) await null;
      world.asked?.handler.onData(world.asked, RESPONSE.slice(), 0, RESPONSE.length);
    },
  };
}
