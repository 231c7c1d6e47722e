/** Requests from so many clients to so many servers, each in turn, to be counted from outside: see `cold-lines.ts`. */
import process from "node:process";
import { startOn } from "./fake-proxy.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";

const [requests = 0, serverCount = 1, clientCount = 1] = process.argv.slice(2).map(Number);

const servers = Array.from({ length: serverCount }, (_, i) => `10.0.${i >> 8}.${i & 255}:2`);
const world = new FakeWorld();
await startOn({ ...world.runtime, random: inTurn() }, { servers }, [{ upstream: "app" }]);
const clients = Array.from({ length: clientCount }, () => world.connect());
for (let i = 0; i < requests; i++) {
  const client = clients[i % clientCount]!;
  const before = world.writesToServers;
  client.handler.onData(client, REQUEST.slice(), 0, REQUEST.length);
  // A server's first request waits for its connection.
  while (world.writesToServers === before) await null;
  world.asked!.handler.onData(world.asked!, RESPONSE.slice(), 0, RESPONSE.length);
}
if (world.writesToClients !== requests) throw new Error("not every request was answered");
process.exit(0);

/** Chance that draws each server once before any comes again: of two choices an idle one makes the second needless. */
function inTurn(): () => number {
  let draws = 0;
  return () => ((draws++ % serverCount) + 0.5) / serverCount;
}
