/** `millrace demo`: the proxy over three small servers of its own, what to try, and what is going on. */

import { addressText } from "../core/config/address.ts";
import { type CompiledConfig, compileConfig } from "../core/config/compile.ts";
import type { Config } from "../core/config/define.ts";
import type { FinishedExchange, Observer } from "../core/observe/events.ts";
import type { Address, Runtime, SocketError } from "../core/runtime.ts";
import { type DemoOrigin, startOrigin } from "./demo-origin.ts";
import { EXIT_START, EXIT_USAGE } from "./exit-codes.ts";
import { standardError, standardOutput } from "./line-writer.ts";
import { listenProblem } from "./listen-problem.ts";
import { createLog } from "./log.ts";
import { localUrlOf, serve } from "./serve.ts";

export interface DemoOptions {
  readonly listen: string;
}

const SUMMARY_MS = 1_000;

export async function demo({ listen }: DemoOptions, runtime: Runtime): Promise<number> {
  const problem = await listeningProblem(runtime);
  if (problem !== null) {
    standardError.write(`millrace: ${problem}`);
    return EXIT_START;
  }
  const origins = await Promise.all(["ant", "bee", "cricket"].map(startOrigin));
  const compiled = compileConfig(configOf(listen, origins));
  if ("problems" in compiled) {
    for (const origin of origins) origin.close();
    for (const { message } of compiled.problems) standardError.write(`millrace: --listen: ${message}`);
    return EXIT_USAGE;
  }
  const summary = new Summary(origins);
  const log = createLog(compiled.log, runtime);
  const timer = setInterval(() => summary.print(), SUMMARY_MS);
  try {
    const exitCode = await serveDemo(compiled, runtime, both(log, summary), origins);
    if (exitCode === EXIT_START)
      standardError.write("millrace: to use another port: npm start -- --listen 127.0.0.1:8081");
    return exitCode;
  } finally {
    clearInterval(timer);
    log.close();
    for (const origin of origins) origin.close();
  }
}

/** Tried before the servers do it: where Deno permits it not, node:http tells nobody and the process ends. */
async function listeningProblem(runtime: Runtime): Promise<string | null> {
  const address: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };
  const options = { address, backlog: 1, reusePort: false, highWaterBytes: 1, tls: null };
  try {
    const listener = await runtime.listen(options, { onSocket: (socket) => socket.destroy(), onAcceptError() {} });
    await listener.close();
    return null;
  } catch (error) {
    const { code, message } = error as SocketError;
    return listenProblem({ listener: addressText(address), code, message });
  }
}

function configOf(listen: string, origins: readonly DemoOrigin[]): Config {
  const addresses = origins.map((origin) => origin.address);
  return {
    listeners: [listen],
    upstreams: {
      // So that three requests show three names.
      site: { servers: addresses, balance: "round-robin" },
      api: { servers: addresses.slice(1), balance: "least-busy" },
      // Port 9, discard: nothing listens there.
      missing: { servers: ["127.0.0.1:9"] },
    },
    routes: [
      { id: "api", match: { path: "/api/*" }, rewrite: { stripPrefix: "/api" }, upstream: "api" },
      { id: "old", match: { path: "/old" }, redirect: { to: "/hello", status: 302 } },
      { id: "broken", match: { path: "/broken" }, upstream: "missing" },
      { id: "site", response: { set: { "X-Served-By": "millrace, route ${route.id}" } }, upstream: "site" },
    ],
  };
}

function serveDemo(
  config: CompiledConfig,
  runtime: Runtime,
  observer: Observer,
  origins: readonly DemoOrigin[],
): Promise<number> {
  const onStarted = ([address]: readonly Address[]) => {
    for (const line of whatToTry(address, origins)) standardOutput.write(line);
  };
  return serve({ runtime, config, observer, onStarted });
}

function whatToTry(address: Address | undefined, origins: readonly DemoOrigin[]): string[] {
  if (address === undefined) return [];
  const url = address.kind === "unix" ? `--unix-socket ${address.path} http://demo` : localUrlOf(address);
  const names = origins.map(({ name, address: where }) => `${name} (${where})`).join(", ");
  return [
    "",
    `Three servers stand behind it: ${names}. Try, in another terminal:`,
    "",
    `  curl ${url}/hello              several times: the servers take turns`,
    `  curl ${url}/api/users/7        /api is taken off, least busy of two servers`,
    `  curl -N ${url}/api/events      streamed as it comes`,
    `  curl -d hi ${url}/echo         what the server gets to see`,
    `  curl -i ${url}/old             a redirect`,
    `  curl -i ${url}/broken          a server that is not there`,
    "",
    `Or open it in a browser. Ctrl-C stops it.`,
    "",
  ];
}

/** One line for every second in which something happened, and one when it falls quiet. */
class Summary implements Observer {
  readonly wantsTimes = false;
  #requests = 0;
  #total = 0;
  #wasQuiet = true;
  readonly #statuses = [0, 0, 0, 0, 0, 0];
  readonly #upstreams = new Map<string, number>();
  readonly #origins: readonly DemoOrigin[];

  constructor(origins: readonly DemoOrigin[]) {
    this.#origins = origins;
  }

  onExchange({ status, upstream, server }: FinishedExchange): void {
    this.#requests++;
    this.#total++;
    const kind = Math.trunc(status / 100);
    this.#statuses[kind] = (this.#statuses[kind] ?? 0) + 1;
    if (upstream !== "") {
      const origin = this.#origins.find(({ address }) => address === server);
      const name = `${upstream} ${origin?.name ?? server}`;
      this.#upstreams.set(name, (this.#upstreams.get(name) ?? 0) + 1);
    }
  }

  onNotice(): void {}

  print(): void {
    if (this.#requests === 0) {
      if (!this.#wasQuiet) standardOutput.write(`quiet (${this.#total} requests so far)`);
      this.#wasQuiet = true;
      return;
    }
    this.#wasQuiet = false;
    const statuses = this.#statuses.flatMap((count, kind) => (count === 0 ? [] : [`${kind}xx ${count}`]));
    const upstreams = [...this.#upstreams].sort().map(([name, count]) => `${name}: ${count}`);
    standardOutput.write(
      `${this.#requests} requests/s  ${statuses.join(", ")}  |  ${upstreams.join(", ") || "no upstream"}`,
    );
    this.#requests = 0;
    this.#statuses.fill(0);
    this.#upstreams.clear();
  }
}

function both(first: Observer, second: Observer): Observer {
  return {
    wantsTimes: first.wantsTimes || second.wantsTimes,
    onExchange(exchange) {
      first.onExchange(exchange);
      second.onExchange(exchange);
    },
    onNotice(notice) {
      first.onNotice(notice);
      second.onNotice(notice);
    },
  };
}
