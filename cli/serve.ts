/** Starts a proxy, says where it listens, and stops it at a signal: first what is in flight may finish, then not. */

import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { addressText } from "../core/config/address.ts";
import type { CompiledConfig } from "../core/config/compile.ts";
import { isListenFailure } from "../core/listen/listeners.ts";
import { BoundedLog } from "../core/observe/bounded-log.ts";
import type { Observer } from "../core/observe/events.ts";
import { createProxy, type Proxy as RunningProxy } from "../core/proxy.ts";
import type { Address, Runtime, TcpAddress } from "../core/runtime.ts";
import { EXIT_CUT_OFF, EXIT_OK, EXIT_START } from "./exit-codes.ts";
import { sayAtEnd, standardError } from "./line-writer.ts";
import { listenProblem } from "./listen-problem.ts";
import type { Origins } from "./load-config.ts";
import { programs } from "./programs.ts";
import { Reloader, type ReloaderOptions } from "./reloader.ts";
import { ServerFiles } from "./server-files.ts";
import { tracesShower } from "./show-traces.ts";
import { fileSizeSignal, listenToStops, reloadSignal, type StopSignals, tracesSignal } from "./signals.ts";
import { areDescriptorsLeft, READ_DESCRIPTORS } from "./spare-descriptors.ts";
import { strayError } from "./stray-error.ts";
import { type FileWatch, watchFiles, watchProblem } from "./watch-files.ts";
import { boundYoungGeneration } from "./young-generation.ts";

export interface ServeOptions {
  readonly runtime: Runtime;
  readonly config: CompiledConfig;
  readonly observer: Observer;
  /** Called once everything listens. */
  readonly onStarted?: (addresses: readonly Address[]) => void;
  /** Null: there is nothing that could be read again. */
  readonly reloading?: Reloading | null;
}

export interface Reloading extends Pick<ReloaderOptions, "load" | "onReloaded"> {
  /** Reload when these files change; null: at SIGHUP only. */
  readonly watched: Origins | null;
}

/** A second signal ends the process within this, whatever still hangs. */
const STOP_MS = 500;

/** Resolves with the exit code. */
export async function serve({ runtime, config, observer, onStarted, reloading }: ServeOptions): Promise<number> {
  // All of them at once: on Deno the first one to be listened to must not come when descriptors are short.
  const stops = listenToStops();
  reloadSignal.listen();
  tracesSignal.listen();
  // Not closed with the others: the last lines of the log are written behind this.
  if (runtime.name === "deno") fileSizeSignal.listen();
  const stopReporting = reportDefects();
  // The core's own timer does not keep a process alive, and between two connections nothing else might.
  const alive = setInterval(() => {}, 60_000);
  const proxy = createProxy({
    runtime,
    snapshot: config.snapshot,
    observer,
    serverLists: new ServerFiles((line) => standardError.write(line)),
  });
  let stopReloading = () => {};
  try {
    await proxy.start();
    for (const address of proxy.addresses) standardError.write(`millrace: listening on ${urlOf(address)}`);
    onStarted?.(proxy.addresses);
    if (runtime.name === "node") boundYoungGeneration();
    const { now } = runtime;
    tracesSignal.do(tracesShower({ proxy, why: tracesSignal.name, log: standardError, now, nextTurn: setImmediate }));
    stopReloading = startReloading(proxy, reloading ?? null);
    const first = await stops.next();
    stopReloading();
    standardError.write(`millrace: ${first}: finishing what is in flight; another signal stops at once`);
    return await stopProxy(proxy, stops);
  } catch (error) {
    if (!isListenFailure(error)) throw error;
    standardError.write(`millrace: ${listenProblem(error)}`);
    return EXIT_START;
  } finally {
    stopReloading();
    for (const signals of [stops, reloadSignal, tracesSignal]) signals.close();
    stopReporting();
    clearInterval(alive);
  }
}

/**
 * A throw while one connection was served is a defect of ours, and the adapter has closed that connection: the others
 * are served on, and the log says what to report. At most a few lines a second, because a defect may come often.
 */
function reportDefects(): () => void {
  const log = new BoundedLog((line) => standardError.write(line), "defects");
  const report = (error: unknown) => {
    const line = strayError(error, programs.sources);
    log.report((atMs) => `${new Date(atMs).toISOString()} error ${line}`, Date.now());
  };
  process.on("uncaughtException", report);
  process.on("unhandledRejection", report);
  process.on("exit", tellEnd);
  return () => {
    process.off("uncaughtException", report);
    process.off("unhandledRejection", report);
    process.off("exit", tellEnd);
  };
}

/** Called while requests are served: a hook, or a package of one, has called `process.exit`. */
function tellEnd(code: number): void {
  const place = programs.sources.placeOf(new Error("ended"));
  const who = place === null ? "something other than a signal" : `code of the configuration, at ${place},`;
  // Whoever starts it again after a failure must not take that for a stop.
  if (code === EXIT_OK) process.exitCode = EXIT_CUT_OFF;
  sayAtEnd(`millrace: ${who} has ended the process; what was in flight was cut off`);
}

/** Answers how to stop it. */
function startReloading(proxy: RunningProxy, reloading: Reloading | null): () => void {
  const say = (line: string) => standardError.write(line);
  if (reloading === null) {
    reloadSignal.do(() => say(`millrace: ${reloadSignal.name}: there is no configuration file to read again`));
    return () => {};
  }
  let watching: FileWatch | null = null;
  const reloader = new Reloader({
    proxy,
    say,
    load: reloading.load,
    onReloaded: reloading.onReloaded,
    onLoaded: async (origins) => (await watching?.goBy(origins)) ?? true,
  });
  if (reloading.watched !== null) {
    watching = watchFiles(reloading.watched, {
      onChange: () => reloader.request("files changed"),
      // What could not be read for lack of them would not be read again: it is the same file then.
      mayChange: () => areDescriptorsLeft(READ_DESCRIPTORS),
      onProblem: (directory, error, others) => say(`millrace: ${watchProblem(directory, error, others)}`),
    });
  }
  reloadSignal.do(() => reloader.request(reloadSignal.name));
  return () => watching?.close();
}

async function stopProxy(proxy: RunningProxy, stops: StopSignals): Promise<number> {
  const ended = await Promise.race([proxy.drain(), stops.next().then(() => "signal" as const)]);
  if (ended === true) return EXIT_OK;
  if (ended === false) {
    standardError.write("millrace: timeouts.drain is over; what was still in flight was cut off");
    return EXIT_CUT_OFF;
  }
  standardError.write("millrace: stopped at once; what was in flight was cut off");
  await within(STOP_MS, proxy.stop());
  return EXIT_CUT_OFF;
}

/** What a browser or curl can be given. */
function urlOf(address: Address): string {
  if (address.kind === "unix") return addressText(address);
  return `${localUrlOf(address)}${isAnywhere(address) ? " (every address)" : ""}`;
}

/** What a program on this machine can be given. */
export function localUrlOf(address: TcpAddress): string {
  return `http://${addressText(isAnywhere(address) ? { ...address, host: "localhost" } : address)}`;
}

function isAnywhere({ host }: TcpAddress): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work.catch(() => {}), deadline]);
  clearTimeout(timer);
}
