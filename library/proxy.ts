/** A proxy inside a program: from a configuration as it is written, on whatever runtime the program runs. */

import { loadRuntime } from "../adapters/mod.ts";
import { fileOnlyProblems } from "../core/config/file-only.ts";
import { isListenFailure } from "../core/listen/listeners.ts";
import {
  type Address,
  type CacheCounts,
  type CompiledConfig,
  type Config,
  type ConfigFunction,
  type ProxyOptions as CoreOptions,
  type Proxy as CoreProxy,
  compileConfig,
  createProxy as createCoreProxy,
  type HookView,
  type NotReloaded,
  type Observer,
  type Reloaded,
  type ServerView,
  type Socket,
  type Trace,
  type TraceFilter,
} from "../core/mod.ts";
import { ConfigError } from "./config-error.ts";
import { ListenError } from "./listen-error.ts";

/** A configuration, or a function (async if need be) that makes one. */
export type ConfigSource = Config | ConfigFunction;

/** What a proxy is made of. */
export interface ProxyOptions {
  readonly config: ConfigSource;
  /** Told of every finished request and of every notice, from inside the proxy: it must be quick, and what it throws is a defect. */
  readonly observer?: Observer | undefined;
  /** Who reads the files that list servers; without, upstreams with `file:` have no servers. */
  readonly serverLists?: CoreOptions["serverLists"] | undefined;
}

/** `idle` → `starting` → `running` → `stopped`. A proxy that has stopped does not start again: create another one. */
export interface Proxy {
  /**
   * Resolves when every listener listens. Rejects with a `ConfigError` when a function made a configuration that is
   * refused, with a `ListenError` when an address can't be had; then it listens nowhere, and may be started again.
   */
  start(): Promise<void>;
  /**
   * Stops at once; requests under way are cut off. Calls of `onFinish` have until their deadlines, then `onUnload`, but
   * neither longer than 5 s.
   */
  stop(): Promise<void>;
  /** As `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  /**
   * Stops accepting and lets requests under way finish, for `deadlineMs` milliseconds (default: `timeouts.drain`).
   * Resolves when nothing is left: true when nothing had to be cut off.
   */
  drain(deadlineMs?: number): Promise<boolean>;
  /**
   * Goes by another configuration from now on, in one step. Rejects with a `ConfigError` when that is refused, and then
   * nothing has changed; nor has it when the answer has `refused`. Several take effect in the order they were called in.
   */
  reload(config: ConfigSource): Promise<Reloaded | NotReloaded>;
  /** Serves a connection that came by no listener; `listener` is its name in logs and conditions. */
  accept(socket: Socket, listener?: string): void;
  /** Where it really listens, in the order of the configuration; none before `start` has resolved, nor once it is to stop. */
  readonly addresses: readonly Address[];
  /** Client connections open now. */
  readonly connectionCount: number;
  /** Every server of every upstream as it is now. */
  serverStates(): ServerView[];
  /** As an operator: `drain` sends the server nothing new, `maintenance` leaves it alone. False: there is no such server. */
  setServerState(upstream: string, server: string, state: Parameters<CoreProxy["setServerState"]>[2]): boolean;
  /** Where a request went and why, by its id; null when that is not kept, or no longer. */
  trace(requestId: string): Trace | null;
  /** What is kept of requests, the newest first. */
  traces(filter?: TraceFilter): Trace[];
  /** Every hook: its calls and failures, and whether it rests. None before it has started. */
  hookStates(): HookView[];
  /** Of all `context.cache` together; null before it has started. */
  readonly cacheCounts: CacheCounts | null;
}

/** Throws a `ConfigError` with all problems when a configuration is refused; one that a function makes, at `start`. */
export function createProxy(options: ConfigSource | ProxyOptions): Proxy {
  const isOptions = typeof options === "object" && options !== null && "config" in options;
  return new EmbeddedProxy(isOptions ? options : { config: options });
}

/** One that need not listen: its connections come from the program. */
export function createMountedProxy(options: ProxyOptions): Proxy {
  return new EmbeddedProxy(options, compiledToMount);
}

class EmbeddedProxy implements Proxy {
  readonly #options: ProxyOptions;
  readonly #compile: (config: unknown) => CompiledConfig;
  readonly #compiled: CompiledConfig | null;
  #core: CoreProxy | null = null;
  #starting: Promise<void> | null = null;
  /** All reloads that were asked for until now. */
  #reloading: Promise<unknown> = Promise.resolve();
  #hasStarted = false;
  #hasStopped = false;

  constructor(options: ProxyOptions, compile = compiled) {
    this.#options = options;
    this.#compile = compile;
    this.#compiled = typeof options.config === "function" ? null : compile(options.config);
  }

  start(): Promise<void> {
    if (this.#hasStopped) return Promise.reject(new Error("the proxy has stopped: create another one"));
    this.#starting ??= this.#start().catch((error: unknown) => {
      // What was in the way may be gone the next time.
      this.#starting = null;
      this.#core = null;
      throw isListenFailure(error) ? new ListenError(error) : error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { config, observer, serverLists } = this.#options;
    const { snapshot } = this.#compiled ?? this.#compile(await madeFrom(config));
    const runtime = await loadRuntime();
    if (this.#hasStopped) throw new Error("the proxy was stopped before it had started: create another one");
    this.#core = createCoreProxy({
      runtime,
      snapshot,
      ...(observer === undefined ? {} : { observer }),
      ...(serverLists === undefined ? {} : { serverLists }),
    });
    await keptAlive(this.#core.start());
    this.#hasStarted = true;
  }

  async stop(): Promise<void> {
    this.#hasStopped = true;
    if (this.#core !== null) await keptAlive(this.#core.stop());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async drain(deadlineMs?: number): Promise<boolean> {
    this.#hasStopped = true;
    return this.#core === null || keptAlive(this.#core.drain(deadlineMs));
  }

  async reload(config: ConfigSource): Promise<Reloaded | NotReloaded> {
    const before = this.#reloading;
    const reloaded = this.#reload(this.#running("reload"), config, before);
    // One that is refused may be over before those that it came behind.
    this.#reloading = reloaded.catch(() => {}).then(() => before);
    return reloaded;
  }

  async #reload(core: CoreProxy, config: ConfigSource, before: Promise<unknown>): Promise<Reloaded | NotReloaded> {
    const { snapshot } = this.#compile(await madeFrom(config));
    await before;
    return keptAlive(core.reload(snapshot));
  }

  accept(socket: Socket, listener?: string): void {
    this.#running("accept").accept(socket, listener);
  }

  get addresses(): readonly Address[] {
    return this.#hasStarted && !this.#hasStopped ? this.#core!.addresses : [];
  }

  get connectionCount(): number {
    return this.#core?.connectionCount ?? 0;
  }

  serverStates(): ServerView[] {
    return this.#core?.serverStates() ?? [];
  }

  setServerState(upstream: string, server: string, state: Parameters<CoreProxy["setServerState"]>[2]): boolean {
    return this.#core?.setServerState(upstream, server, state) ?? false;
  }

  trace(requestId: string): Trace | null {
    return this.#core?.trace(requestId) ?? null;
  }

  traces(filter?: TraceFilter): Trace[] {
    return this.#core?.traces(filter) ?? [];
  }

  hookStates(): HookView[] {
    return this.#core?.hookStates() ?? [];
  }

  get cacheCounts(): CacheCounts | null {
    return this.#core?.cacheCounts ?? null;
  }

  #running(what: string): CoreProxy {
    if (this.#core === null) throw new Error(`${what}() needs a proxy that has started: await start() first`);
    return this.#core;
  }
}

function compiled(config: unknown): CompiledConfig {
  const ofFiles = fileOnlyProblems(config);
  const result = compileConfig(config);
  if ("problems" in result) throw new ConfigError([...ofFiles, ...result.problems]);
  if (ofFiles.length > 0) throw new ConfigError(ofFiles);
  return result;
}

/** Configurations name at least one listener; what a program mounts may go without. */
function compiledToMount(config: unknown): CompiledConfig {
  if (typeof config !== "object" || config === null || "listeners" in config) return compiled(config);
  const result = compiled({ ...config, listeners: ["127.0.0.1:0"] });
  return { ...result, snapshot: { ...result.snapshot, listeners: [] } };
}

async function madeFrom(config: ConfigSource): Promise<unknown> {
  return typeof config === "function" ? await config() : config;
}

/** The core's own timer does not keep a process alive, and while nothing listens nothing else might. */
async function keptAlive<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
