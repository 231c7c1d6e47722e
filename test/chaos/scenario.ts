import type { Config } from "../../core/config/define.ts";
import type { Seeded } from "../../testing/seeded.ts";
import { type RuntimeName, runtimeNames } from "../support/runtime-command.ts";
import { FaultOrigin } from "./fault-origin.ts";
import { Ledger } from "./ledger.ts";
import { type Ask, LoadClient, type LoadOptions } from "./load-client.ts";
import type { LoadReport } from "./load-report.ts";
import { type ProxyOptions, type ProxyProcess, startProxy } from "./proxy-process.ts";

/** One kind of failure on real sockets, and what must hold meanwhile. */
export interface Scenario {
  readonly name: string;
  /** Of availability.md and hostile-input.md. */
  readonly rows: readonly string[];
  readonly what: string;
  /** Too long for every run: only when it is named. */
  readonly isLong?: boolean;
  /** Short and gentle enough for the test suite, and the only one that is. */
  readonly isSmoke?: boolean;
  run(scene: Scene): Promise<unknown>;
}

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  readonly found: string;
  /** Null: only to be read. */
  readonly isMet: boolean | null;
}

export interface SceneOptions {
  readonly runtime: RuntimeName;
  readonly random: Seeded;
  /** Of load, per scenario. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** Times are those of a machine that does much else: they are printed and not judged. */
  readonly isGentle: boolean;
  /** Makes the addresses of this scene its own. */
  readonly number: number;
}

/** What a scenario plays on: origins, a proxy in front of them, clients. All of it is stopped at the end. */
export class Scene {
  readonly runtime: RuntimeName;
  readonly random: Seeded;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly isGentle: boolean;
  readonly ledger = new Ledger();
  readonly checks: Check[] = [];
  readonly #number: number;
  readonly #origins: FaultOrigin[] = [];
  readonly #proxies: ProxyProcess[] = [];
  #asked = 0;

  constructor(options: SceneOptions) {
    this.runtime = options.runtime;
    this.random = options.random;
    this.seconds = options.seconds;
    this.requestsPerSecond = options.requestsPerSecond;
    this.isGentle = options.isGentle;
    this.#number = options.number;
  }

  /** Each at an address of its own below 127.0.0.0/8. */
  async origins(count: number): Promise<FaultOrigin[]> {
    const block = 1 + (runtimeNames.indexOf(this.runtime) * 32 + this.#number);
    const started: FaultOrigin[] = [];
    for (let i = 0; i < count; i++) {
      const host = `127.1.${block}.${this.#origins.length + 1}`;
      const origin = await FaultOrigin.start(host, this.ledger);
      this.#origins.push(origin);
      started.push(origin);
    }
    return started;
  }

  async proxy(config: Config, options: Partial<ProxyOptions> = {}): Promise<ProxyProcess> {
    const proxy = await startProxy({ ...options, runtime: this.runtime, config });
    this.#proxies.push(proxy);
    return proxy;
  }

  /** Clients with the usual mix of requests, or with requests of their own. */
  clients(proxy: ProxyProcess, options: Partial<LoadOptions> = {}): LoadClient {
    const requestsPerSecond = options.requestsPerSecond ?? this.requestsPerSecond;
    return new LoadClient({
      target: proxy.target,
      requestsPerSecond,
      requests: Math.ceil(this.seconds * requestsPerSecond),
      clientAddresses: ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"],
      connectionsMax: 256,
      make: () => this.ask(),
      ...options,
    });
  }

  /** One request of the usual mix. */
  ask(more: Partial<Ask> = {}): Ask {
    const { random } = this;
    const method = random.pick(["GET", "GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD"]);
    const hasBody = method === "POST" || method === "PUT";
    return {
      nonce: `${this.runtime}-${this.#number}-${++this.#asked}`,
      method,
      path: "/",
      bodyBytes: hasBody ? random.pick([0, 10, 1_000, 20_000]) : 0,
      answerBytes: random.pick([0, 10, 100, 1_000, 5_000, 70_000]),
      ...more,
    };
  }

  check(what: string, found: string | number, isMet: boolean): void {
    this.checks.push({ what, found: String(found), isMet });
  }

  /** Judged only where the machine has the time for it. */
  checkTime(what: string, foundMs: number, mostMs: number): void {
    const isMet = foundMs <= mostMs;
    this.checks.push({
      what: `${what} (at most ${mostMs} ms)`,
      found: `${Math.round(foundMs)} ms`,
      isMet: this.isGentle ? null : isMet,
    });
  }

  tell(what: string, found: string | number): void {
    this.checks.push({ what, found: String(found), isMet: null });
  }

  /** What every load must come to: nothing idempotent fails, nothing else is done twice, few extra tries. */
  checkLoad(report: LoadReport): void {
    const { ledger } = this;
    const failures = report.idempotentFailures;
    this.check("failed idempotent requests", this.failuresText(report, failures), failures.length === 0);
    const duplicates = ledger.duplicates();
    this.check("POSTs that arrived twice", duplicates.slice(0, 3).join("; ") || 0, duplicates.length === 0);
    const tries = `${ledger.arrivals} for ${report.requests}`;
    this.check("tries, at most 1.1 per request", tries, ledger.arrivals <= 1.1 * report.requests);
    this.check("answers nobody had asked for", report.unasked, report.unasked === 0);
    this.tell("requests", `${report.requests}, ${report.ok} ok, ${report.retriedByClient} sent again by the client`);
    const others = report.failures.filter((request) => !failures.includes(request));
    this.tell("failed POSTs", report.summary(others));
    const [half, most] = [0.5, 0.99].map((part) => report.percentileMs(part).toFixed(1));
    this.tell("latency p50, p99, max", `${half}, ${most}, ${report.percentileMs(1).toFixed(1)} ms`);
  }

  /** Stops everything, and looks at what must hold for every proxy at its end. */
  async end(): Promise<void> {
    for (const proxy of this.#proxies) {
      const crashed = !proxy.isRunning && (await proxy.exited).code !== 0;
      if (crashed) this.check("the process", `ended by itself: ${proxy.stderr.slice(-500)}`, false);
      const defect = /^.*(?:internal defect|internal\.defect|panicked|assertion).*$/im.exec(proxy.stderr)?.[0];
      if (defect !== undefined) this.check("defects in the log", defect.slice(0, 600), false);
    }
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await Promise.all(this.#origins.map((origin) => origin.stop()));
  }

  /** How many of which kind, and the first of them in full. */
  failuresText(report: LoadReport, failures: LoadReport["failures"]): string {
    const first = failures[0];
    if (first === undefined) return "0";
    const { nonce, method, detail, scheduledMs, latencyMs } = first;
    const when = `at ${Math.round(scheduledMs)} ms, after ${Math.round(latencyMs)} ms`;
    return `${failures.length}: ${report.summary(failures)}; first: ${method} ${nonce} ${when}: ${detail.replaceAll(/\s+/g, " ")}`;
  }
}
