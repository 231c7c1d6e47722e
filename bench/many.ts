/**
 * What 10,000 routes and 10,000 servers add to a request of the core, on sockets without a kernel. The goal is 5 % of
 * a request on real sockets.
 *
 *   npm run bench:many [rounds]        the same with deno run -A and bun
 */
import process from "node:process";
import type { Config } from "../core/config/define.ts";
import { startFakeProxy } from "./fake-proxy.ts";
import { compareInTurn } from "./in-turn.ts";

const rounds = Number(process.argv[2] ?? 60);
const MANY = 10_000;
/** Servers are chosen by chance: behind twenty requests for each, all have a connection, but for one in a thousand runs. */
const WARM_UP_ROUNDS = 10;
const ONE_SERVER = ["127.0.0.1:2"];
/** A server's first request waits for its connection. */
const isLater = "at first";

const many = Array.from({ length: MANY }, (_, i) => i);
const routes: Config["routes"] = many.map((i) => ({ match: { path: `/route${i}/*` }, upstream: "app" }));
const servers = many.map((i) => `10.0.${i >> 8}.${i & 255}:2`);
await compareInTurn(
  [
    { name: "one route, one server", proxy: await startFakeProxy([{ upstream: "app" }], ONE_SERVER), isLater },
    { name: "10,000 routes", proxy: await startFakeProxy([...routes, { upstream: "app" }], ONE_SERVER), isLater },
    { name: "10,000 servers", proxy: await startFakeProxy([{ upstream: "app" }], servers), isLater },
  ],
  { rounds, warmUpRounds: WARM_UP_ROUNDS, requests: 2 * MANY },
);
process.exit(0);
