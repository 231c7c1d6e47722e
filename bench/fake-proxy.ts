/** A proxy on sockets that only hand over bytes, one client connected, its connection to the server in the pool. */

import { compileConfig } from "../core/config/compile.ts";
import type { Config } from "../core/config/define.ts";
import { createProxy } from "../core/proxy.ts";
import type { Runtime } from "../core/runtime.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";

export interface FakeProxy {
  readonly world: FakeWorld;
  /** One request and its response. */
  exchange(): void;
  /** The same where a hook answers later: it is given the turns of microtasks it takes. */
  exchangeLater(): Promise<void>;
}

/** One upstream, `app`, and a proxy on a world that nobody has connected to. */
export async function startOn(runtime: Runtime, app: unknown, routes: Config["routes"]): Promise<void> {
  const compiled = compileConfig({ listeners: ["127.0.0.1:1"], upstreams: { app }, routes });
  if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.problems));
  await createProxy({ runtime, snapshot: compiled.snapshot }).start();
}

export async function startFakeProxy(routes: Config["routes"], servers = ["127.0.0.1:2"]): Promise<FakeProxy> {
  const world = new FakeWorld();
  await startOn(world.runtime, { servers }, routes);
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
