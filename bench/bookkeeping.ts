/**
 * What balancing, health, retries and breakers add to a request while all is well: CPU time of the whole core on
 * sockets without a kernel, configurations in turn, each in a process of its own.
 *
 *   npm run bench:bookkeeping -- [--rounds 7] [--requests 300000]
 *
 * The goal: health, breaker and retry bookkeeping together add 1 microsecond at most.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startOn } from "./fake-proxy.ts";
import { FakeWorld, REQUEST, RESPONSE } from "./fake-runtime.ts";
import { median } from "./median.ts";

const SERVERS = ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"];
/** What one would switch off, were it dear. */
const OFF = { health: { ejection: false }, retries: { attempts: 0 } };
const HEALTH = { check: { path: "/healthz" }, ejection: { consecutiveFailures: 5 } };
const RETRIES = { attempts: 1, perTryTimeout: "10s", budget: { share: "10%", perSecond: 3 } };
const BREAKER = { inFlight: 10_000, connections: 1_000, pending: 1_024, retries: 3 };

const VARIANTS: Readonly<Record<string, object>> = {
  "one server, all off": { servers: SERVERS.slice(0, 1), ...OFF },
  "one server, defaults": { servers: SERVERS.slice(0, 1) },
  "three servers, all off": { servers: SERVERS, ...OFF },
  "three servers, defaults": { servers: SERVERS },
  "with health": { servers: SERVERS, ...OFF, health: HEALTH },
  "with retries": { servers: SERVERS, ...OFF, retries: RETRIES },
  "with a breaker": { servers: SERVERS, ...OFF, breaker: BREAKER },
  "with all three": { servers: SERVERS, health: HEALTH, retries: RETRIES, breaker: BREAKER, slowStart: "10s" },
  "with all, peak-ewma": { servers: SERVERS, health: HEALTH, retries: RETRIES, breaker: BREAKER, balance: "peak-ewma" },
};
const BASE = "three servers, all off";
const GOAL_US = 1;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    requests: { type: "string", default: "300000" },
    variant: { type: "string" },
  },
});
if (values.variant === undefined) compare();
else process.stdout.write(String(await measure(values.variant, Number(values.requests))));
process.exit();

/** CPU microseconds per request; the best of some rounds, for disturbance only ever adds. */
async function measure(variant: string, requests: number): Promise<number> {
  const world = new FakeWorld();
  await startOn(world.runtime, VARIANTS[variant], [{ upstream: "app" }]);
  // As many at once as it takes for each server to have a connection.
  const clients = Array.from({ length: 12 }, () => world.connect());
  for (const client of clients) client.handler.onData(client, REQUEST.slice(), 0, REQUEST.length);
  await new Promise((resolve) => setTimeout(resolve, 10));
  for (const asked of world.servers) asked.handler.onData(asked, RESPONSE.slice(), 0, RESPONSE.length);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < requests; i++) world.exchange(clients[0]!);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) best = Math.min(best, (user + system) / requests);
  }
  if (world.writesToServers !== world.writesToClients) throw new Error("not every request was answered");
  return best;
}

function compare(): void {
  const measured = new Map<string, number[]>(Object.keys(VARIANTS).map((name) => [name, []]));
  const script = fileURLToPath(import.meta.url);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, results] of measured) {
      const args = [...process.execArgv, script, "--variant", name, "--requests", values.requests];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      const result = Number(stdout);
      if (stdout === "" || !(result > 0)) throw new Error(`${name}: ${stderr}`);
      results.push(result);
    }
  }
  const base = measured.get(BASE) ?? [];
  const added = new Map([...measured].map(([name, results]) => [name, median(results.map((us, i) => us - base[i]!))]));
  const lines = [...measured].map(([name, results]) => {
    const [middle, best, more] = [median(results), Math.min(...results), added.get(name) ?? 0];
    return `| ${name.padEnd(24)} | ${us(middle)} | ${us(best)} | ${us(more)} |`;
  });
  const head =
    "| configuration            | median |   best | added  |\n|--------------------------|-------:|-------:|-------:|";
  process.stdout.write(`CPU microseconds per request; added to "${BASE}", median of the rounds\n\n${head}\n`);
  process.stdout.write(`${lines.join("\n")}\n`);
  const most = added.get("with all three") ?? 0;
  if (most <= GOAL_US) return;
  process.exitCode = 1;
  process.stdout.write(`\nAll three add more than ${GOAL_US} microsecond.\n`);
}

function us(value: number): string {
  return value.toFixed(2).padStart(6);
}
